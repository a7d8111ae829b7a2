/** The viewer's sheet, for the page, the standalone viewer and a file on the disk alike: no link, no inline style. */
import css from "./viewer.css?inline";

let sheet: CSSStyleSheet | undefined;

export function attachStyle(): void {
  if (sheet === undefined) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
  }
  if (!document.adoptedStyleSheets.includes(sheet)) document.adoptedStyleSheets.push(sheet);
}
