import { type ReactNode, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { Button, Link } from "../../design/components";
import { Icon } from "../../design/Icon";
import { percent } from "../format";
import { usePath } from "../router";
import { useMaybeSigned } from "../session/context";
import { applyTheme, nextTheme, readTheme } from "../theme";
import type { UploadItem, UploadQueue } from "../upload/queue";
import { Logo } from "./Logo";

interface ShellProps {
  children: ReactNode;
  onSignOut?(): void;
}

/** What stands around every screen. */
export function Shell({ children, onSignOut }: ShellProps) {
  const path = usePath();
  const before = useRef(path);
  const content = useRef<HTMLElement>(null);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    content.current?.focus({ preventScroll: true }); // a screen reader begins with the new screen
  }, [path]);
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <Top path={path} {...(onSignOut === undefined ? {} : { onSignOut })} />
      <main id="content" ref={content} tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function Top({ path, onSignOut }: { path: string; onSignOut?: () => void }) {
  const signed = useMaybeSigned();
  return (
    <header className="top">
      <div className="top-inner">
        <Link to="/" className="brand">
          <Logo />
          roomsplat
        </Link>
        {signed !== null && (
          <nav aria-label="Main">
            <Link to="/" current={path === "/"}>
              New room
            </Link>
            <Link to="/jobs" current={path.startsWith("/jobs")}>
              My rooms
            </Link>
            <Link to="/view" current={path === "/view"}>
              Open a scene
            </Link>
          </nav>
        )}
        <div className="top-end">
          {signed !== null && path !== "/" && <Sending uploads={signed.uploads} />}
          <ThemeButton />
          {signed !== null && signed.session.auth !== "none" && onSignOut !== undefined && (
            <>
              <span className="who quiet small" title={signed.session.user?.name}>
                {signed.session.user?.name}
              </span>
              <Button look="plain" icon="leave" label="Sign out" onClick={onSignOut} />
            </>
          )}
        </div>
      </div>
    </header>
  );
}

function Sending({ uploads }: { uploads: UploadQueue }) {
  const { items } = useSyncExternalStore(uploads.subscribe, uploads.snapshot);
  const going = items.filter((item) => item.state === "uploading" || item.state === "waiting");
  if (going.length === 0) return null;
  const sum = (of: (item: UploadItem) => number) => going.reduce((total, item) => total + of(item), 0);
  return (
    <Link to="/" className="badge active">
      <span className="figures">
        <Icon name="upload" size={14} />
        {percent(
          sum((item) => item.sent) /
            Math.max(
              1,
              sum((item) => item.size),
            ),
        )}
      </span>
    </Link>
  );
}

function ThemeButton() {
  const [theme, setTheme] = useState(readTheme);
  const change = () => {
    const next = nextTheme(theme);
    applyTheme(next);
    setTheme(next);
  };
  return <Button look="plain" icon={theme} label={`Colours: ${theme}. Change`} onClick={change} />;
}
