/** Elements in one line each. */
import { type IconName, icon } from "./icons";

type Child = Node | string | false | undefined;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | boolean>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, value);
  }
  for (const child of children) if (child !== undefined && child !== false) element.append(child);
  return element;
}

export interface ButtonOptions {
  icon: IconName;
  /** Read out and written beside the picture where there is room. */
  label: string;
  /** The key that does the same, told in the tooltip. */
  key?: string;
  onClick: () => void;
}

export function button({ icon: name, label, key, onClick }: ButtonOptions): HTMLButtonElement {
  const hint = key === undefined ? label : `${label} (${key})`;
  const element = el(
    "button",
    { type: "button", class: "rv-button", title: hint, "aria-label": label },
    icon(name),
    el("span", { class: "rv-label", "aria-hidden": "true" }, label),
  );
  element.addEventListener("click", onClick);
  return element;
}

let ids = 0;

/** A name for an element that no other has. */
export function freshId(kind: string): string {
  ids += 1;
  return `rv-${kind}-${ids}`;
}

export interface SliderOptions {
  label: string;
  min: number;
  max: number;
  step: number;
  value: number;
  /** What is read out for a value, and written beside the label. */
  text: (value: number) => string;
  onInput: (value: number) => void;
}

export interface Slider {
  element: HTMLElement;
  set(value: number): void;
}

export function slider(options: SliderOptions): Slider {
  const { label, min, max, step, value, text, onInput } = options;
  const id = freshId("slider");
  const input = el("input", { type: "range", id, min: `${min}`, max: `${max}`, step: `${step}` });
  const output = el("output", { for: id });
  const show = (): void => {
    const words = text(input.valueAsNumber);
    output.textContent = words;
    input.setAttribute("aria-valuetext", words);
  };
  input.addEventListener("input", () => {
    show();
    onInput(input.valueAsNumber);
  });
  const set = (next: number): void => {
    input.value = `${next}`;
    show();
  };
  set(value);
  const head = el("span", { class: "rv-row" }, el("label", { for: id }, label), output);
  return { element: el("div", { class: "rv-field" }, head, input), set };
}

export interface Checkbox {
  element: HTMLElement;
  set(checked: boolean): void;
}

export function checkbox(label: string, checked: boolean, onChange: (checked: boolean) => void): Checkbox {
  const input = el("input", { type: "checkbox" });
  input.checked = checked;
  input.addEventListener("change", () => onChange(input.checked));
  const set = (next: boolean): void => {
    input.checked = next;
  };
  return { element: el("label", { class: "rv-check" }, input, label), set };
}

export function textButton(label: string, onClick: () => void): HTMLButtonElement {
  const element = el("button", { type: "button", class: "rv-text-button" }, label);
  element.addEventListener("click", onClick);
  return element;
}
