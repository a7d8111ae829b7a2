/** A button of the bar that opens a small sheet above it; one is open at a time. */
import { type ButtonOptions, button, el, freshId } from "./dom";

export interface Panel {
  button: HTMLButtonElement;
  element: HTMLElement;
}

export interface PanelOptions extends Omit<ButtonOptions, "onClick"> {
  title: string;
  content: readonly Node[];
  onToggle?: (open: boolean) => void;
}

export class Panels {
  readonly element = el("div", { class: "rv-panels" });
  private readonly all: { panel: Panel; options: PanelOptions }[] = [];

  add(options: PanelOptions): HTMLButtonElement {
    const id = freshId("panel");
    const opener = button({ ...options, onClick: () => this.toggle(panel) });
    opener.setAttribute("aria-expanded", "false");
    opener.setAttribute("aria-controls", id);
    const close = button({ icon: "close", label: `Close ${options.title}`, onClick: () => this.close() });
    const head = el("div", { class: "rv-row" }, el("h2", {}, options.title), close);
    const element = el(
      "section",
      { id, class: "rv-panel", "aria-label": options.title, hidden: true },
      head,
      ...options.content,
    );
    const panel: Panel = { button: opener, element };
    this.all.push({ panel, options });
    this.element.append(element);
    return opener;
  }

  /** Closes the open one; false if there was none. */
  close(): boolean {
    const open = this.all.find(({ panel }) => !panel.element.hidden);
    if (open === undefined) return false;
    const hadFocus = open.panel.element.contains(document.activeElement);
    this.set(open.panel, false);
    if (hadFocus) open.panel.button.focus();
    return true;
  }

  private toggle(panel: Panel): void {
    const opens = panel.element.hidden;
    this.close();
    this.set(panel, opens);
  }

  private set(panel: Panel, open: boolean): void {
    if (panel.element.hidden === !open) return;
    panel.element.hidden = !open;
    panel.button.setAttribute("aria-expanded", `${open}`);
    this.all.find((one) => one.panel === panel)?.options.onToggle?.(open);
  }
}
