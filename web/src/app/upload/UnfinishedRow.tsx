import { Bar, Button } from "../../design/components";
import { Icon } from "../../design/Icon";
import { bytes, percent } from "../format";
import { useSigned } from "../session/context";
import type { Unfinished } from "./transfer";

/** A film of an earlier visit: a page may not open it again by itself, so the user chooses it once more. */
export function UnfinishedRow({ left }: { left: Unfinished }) {
  const { uploads } = useSigned();
  const share = left.size === 0 ? 0 : left.sent / left.size;
  return (
    <li className="upload-row" data-state="unfinished">
      <span className="kind" aria-hidden="true">
        <Icon name="film" />
      </span>
      <div className="upload-what">
        <p className="name">{left.name}</p>
        <p className="quiet small figures">
          Unfinished · {percent(share)} of {bytes(left.size)} is there
        </p>
        <p className="small">Drop or choose the same file to go on where it stopped.</p>
      </div>
      <Button
        small
        look="plain"
        onClick={() => void uploads.discard(left)}
        aria-label={`Give ${left.name} up`}
      >
        Give up
      </Button>
      <div className="upload-bar">
        <Bar share={share} label={`${left.name}: sent`} paused />
      </div>
    </li>
  );
}
