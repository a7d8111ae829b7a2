import { useState, useSyncExternalStore } from "react";
import { Button, Notice } from "../../design/components";
import { Icon } from "../../design/Icon";
import { useSigned } from "../session/context";
import { Advice } from "./Advice";
import { DropZone } from "./DropZone";
import { SettingsForm } from "./SettingsForm";
import { configOf, FIRST_DRAFT } from "./settings";
import { UnfinishedRow } from "./UnfinishedRow";
import { UploadRow } from "./UploadRow";
import "./drop.css";
import "./upload.css";

export function UploadScreen() {
  const { uploads, refusals } = useSigned();
  const { items, unfinished } = useSyncExternalStore(uploads.subscribe, uploads.snapshot);
  const busy = items.length > 0 || unfinished.length > 0;
  const ready = items.filter((item) => item.state === "ready").length;
  return (
    <div className={busy ? "upload busy" : "upload"}>
      <section className="hero">
        <div className="hero-words">
          <h1>Film a room. Walk through it.</h1>
          <p className="quiet">
            A minute of video from your phone becomes a 3D scene that opens in any browser. Send the film and
            watch the room appear.
          </p>
        </div>
        <DropZone />
      </section>
      {refusals.map((refusal) => (
        <Notice key={refusal.message} message={refusal.message} hint={refusal.hint} />
      ))}
      {busy && (
        <section className="card sending" aria-labelledby="films">
          <h2 id="films">Films</h2>
          <ul>
            {unfinished.map((left) => (
              <UnfinishedRow key={left.key} left={left} />
            ))}
            {items.map((item) => (
              <UploadRow key={item.id} item={item} />
            ))}
          </ul>
          {ready > 0 && <SendForm ready={ready} />}
        </section>
      )}
      <Advice />
    </div>
  );
}

/** The settings, which hold for all films that are ready, and the button that sends them. */
function SendForm({ ready }: { ready: number }) {
  const { uploads } = useSigned();
  const [draft, setDraft] = useState(FIRST_DRAFT);
  return (
    <form
      className="send"
      onSubmit={(event) => {
        event.preventDefault();
        uploads.start(configOf(draft));
      }}
    >
      <SettingsForm draft={draft} onChange={setDraft} />
      <Button type="submit" look="primary">
        <Icon name="upload" />
        {ready === 1 ? "Make the room" : `Make ${ready} rooms`}
      </Button>
    </form>
  );
}
