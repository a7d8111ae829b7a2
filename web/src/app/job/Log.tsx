import { Icon } from "../../design/Icon";
import type { LogLine } from "./story";

const TIME = new Intl.DateTimeFormat("en", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});

export function Log({ lines }: { lines: readonly LogLine[] }) {
  if (lines.length === 0) return null;
  return (
    <details className="fold log">
      <summary>
        <Icon name="right" size={16} />
        Log
      </summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard (axe: scrollable-region-focusable) */}
      <ol className="card padded" tabIndex={0} aria-label="What happened">
        {lines.map((line) => (
          <li key={line.id} data-tone={line.tone}>
            <time dateTime={line.at} className="quiet">
              {TIME.format(new Date(line.at))}
            </time>
            <span>{line.text}</span>
          </li>
        ))}
      </ol>
    </details>
  );
}
