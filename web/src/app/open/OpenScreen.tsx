import { type ReactNode, useId, useMemo } from "react";
import { Icon } from "../../design/Icon";
import { useTitle } from "../live/hooks";
import { useSigned } from "../session/context";
import { DropWords } from "../upload/DropWords";
import { ViewerFrame } from "../viewer/ViewerFrame";
import "../upload/drop.css";
import "./open.css";

const NO_CAMERAS = [] as const;

/** A scene from the disk: it is shown here and sent nowhere. */
export function OpenScreen({ scene }: { scene: File | null }) {
  const source = useMemo(() => (scene === null ? null : { fileName: scene.name, file: scene }), [scene]);
  useTitle(scene === null ? "Open a scene" : scene.name);
  return (
    <section className="open">
      <div className="screen-head">
        <h1>{scene === null ? "Open a scene" : scene.name}</h1>
        {scene !== null && <Choose look="button">Open another one</Choose>}
      </div>
      {source === null ? (
        <Choose look="drop">
          <span className="drop-icon">
            <Icon name="file" size={28} />
          </span>
          <span className="drop-title">
            <DropWords what="scene" />
          </span>
          <span className="quiet small">ply, spz, sog or splat · it stays on this computer</span>
        </Choose>
      ) : (
        <div className="theatre">
          <ViewerFrame
            key={source.fileName}
            source={source}
            cameras={NO_CAMERAS}
            mode="full"
            title={source.fileName}
          />
        </div>
      )}
    </section>
  );
}

function Choose({ look, children }: { look: "drop" | "button"; children: ReactNode }) {
  const { take } = useSigned();
  const id = useId();
  return (
    <div className={look === "drop" ? "drop-zone" : "choose"}>
      <input
        id={id}
        className="unseen"
        type="file"
        accept=".ply,.spz,.sog,.splat"
        data-testid="scene-input"
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          event.target.value = "";
          if (files.length > 0) take(files);
        }}
      />
      <label htmlFor={id} className={look === "drop" ? "" : "button"}>
        {children}
      </label>
    </div>
  );
}
