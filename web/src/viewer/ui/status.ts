/** What the viewer says: how far loading is, what a tool waits for, what went wrong. */
import { button, el } from "./dom";

const SHOWN_MS = 5000;

export class Status {
  readonly element: HTMLElement;
  private readonly message = el("p", { class: "rv-message", role: "status", hidden: true });
  private readonly progress = el("progress", {
    class: "rv-progress",
    "aria-label": "Loading the scene",
    hidden: true,
  });
  private readonly errorText = el("p", { role: "alert" });
  private readonly error: HTMLElement;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const close = button({ icon: "close", label: "Close", onClick: () => this.clearError() });
    this.error = el("div", { class: "rv-error", hidden: true }, this.errorText, close);
    this.element = el("div", { class: "rv-status" }, this.progress, this.error, this.message);
  }

  /** For some seconds, or until the next word. */
  say(text: string, stays = false): void {
    clearTimeout(this.timer);
    this.message.hidden = text === "";
    this.message.textContent = text;
    if (!stays && text !== "") this.timer = setTimeout(() => this.say(""), SHOWN_MS);
  }

  /** `total` 0: nobody knows. */
  loading(loaded: number, total: number): void {
    this.progress.hidden = false;
    if (total > 0) {
      this.progress.max = total;
      this.progress.value = Math.min(loaded, total);
    } else {
      this.progress.removeAttribute("value");
    }
    const megabytes = (loaded / 1e6).toFixed(1);
    const text = total > 0 ? `${megabytes} of ${(total / 1e6).toFixed(1)} MB` : `${megabytes} MB`;
    this.progress.setAttribute("aria-valuetext", text);
    this.progress.title = text;
  }

  loaded(): void {
    this.progress.hidden = true;
  }

  fail(text: string): void {
    this.loaded();
    this.error.hidden = false;
    this.errorText.textContent = text;
  }

  clearError(): void {
    this.error.hidden = true;
    this.errorText.textContent = "";
  }

  dispose(): void {
    clearTimeout(this.timer);
  }
}
