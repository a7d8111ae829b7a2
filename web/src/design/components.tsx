/** The small parts that every screen is made of. */
import { type ButtonHTMLAttributes, type MouseEvent, type ReactNode, useEffect, useRef } from "react";
import type { ApiError } from "../api/problem";
import { go } from "../app/router";
import { Icon, type IconName } from "./Icon";

type Look = "primary" | "plain" | "danger" | "normal";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  icon?: IconName;
  small?: boolean;
  /** What the button says to those who cannot see its icon. */
  label?: string;
}

export function Button({ look = "normal", icon, small = false, label, children, ...rest }: ButtonProps) {
  const bare = children === undefined ? "only-icon" : "";
  return (
    <button
      type="button"
      {...rest}
      aria-label={label}
      title={label}
      className={`button ${look} ${small ? "small" : ""} ${bare} ${rest.className ?? ""}`}
    >
      {icon !== undefined && <Icon name={icon} size={small ? 17 : 20} />}
      {children}
    </button>
  );
}

interface LinkProps {
  to: string;
  children: ReactNode;
  className?: string;
  current?: boolean;
}

/** A link within the page: no reload, but a new tab when one asks for it. */
export function Link({ to, children, className = "", current = false }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a
      href={to}
      className={className}
      onClick={follow}
      {...(current ? { "aria-current": "page" as const } : {})}
    >
      {children}
    </a>
  );
}

interface BarProps {
  share: number;
  label: string;
  paused?: boolean;
}

export function Bar({ share, label, paused = false }: BarProps) {
  const filled = Math.min(Math.max(share, 0), 1);
  return (
    <div
      className={`bar ${paused ? "paused" : ""}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.floor(filled * 100)}
    >
      <span style={{ transform: `scaleX(${filled})` }} />
    </div>
  );
}

interface NoticeProps {
  message: string;
  hint?: string;
  code?: string;
  tone?: "error" | "warning";
  children?: ReactNode;
}

/** What went wrong and what to do, in the words of whoever noticed it. */
export function Notice({ message, hint = "", code = "", tone = "error", children }: NoticeProps) {
  return (
    <div className={`notice ${tone}`} role={tone === "error" ? "alert" : "status"}>
      <Icon name="warning" />
      <div>
        <p className="what">{message}</p>
        {hint !== "" && <p>{hint}</p>}
        {code !== "" && <code>{code}</code>}
        {children !== undefined && <div className="row">{children}</div>}
      </div>
    </div>
  );
}

export function Problem({ error, children }: { error: ApiError; children?: ReactNode }) {
  return (
    <Notice message={error.message} hint={error.hint} code={error.code}>
      {children}
    </Notice>
  );
}

export function Spinner({ label }: { label: string }) {
  return (
    <div className="row quiet" role="status">
      <div className="spinner" aria-hidden="true" />
      {label}
    </div>
  );
}

interface DialogProps {
  title: string;
  children: ReactNode;
  onClose(): void;
  onSubmit(): void;
}

/** A question over the page; Escape and a click beside it close it, the browser keeps the focus inside. */
export function Dialog({ title, children, onClose, onSubmit }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    if (dialog !== null && !dialog.open) dialog.showModal();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the browser closes a dialog on Escape by itself
    <dialog
      ref={ref}
      className="dialog"
      aria-label={title}
      onClose={onClose}
      onClick={(event) => event.target === ref.current && onClose()}
    >
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        <h2>{title}</h2>
        {children}
      </form>
    </dialog>
  );
}
