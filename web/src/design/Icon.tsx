/** Line icons of our own on a 20 px grid; they say nothing to screen readers, the words beside them do. */

const PATHS = {
  upload: "M10 13V4m0 0L6.5 7.5M10 4l3.5 3.5M4 13v2.5h12V13",
  download: "M10 4v9m0 0 3.5-3.5M10 13 6.5 9.5M4 13v2.5h12V13",
  pause: "M7.5 5v10M12.5 5v10",
  play: "M7 4.5v11l8-5.5z",
  close: "m5.5 5.5 9 9m0-9-9 9",
  retry: "M15.5 10A5.5 5.5 0 1 1 13.7 6M14 3v3.2h-3.2",
  trash: "M4.5 6h11M8 6V4.5h4V6m-6 0 .6 10h6.8L14 6",
  check: "m4.5 10.5 3.5 3.5 7.5-8",
  right: "m8 5 5 5-5 5",
  back: "m12 5-5 5 5 5",
  warning: "M10 4 3 16h14zM10 8.5v3.5m0 2v.1",
  system: "M10 3.5a6.5 6.5 0 1 0 0 13zM10 3.5a6.5 6.5 0 0 1 0 13",
  light:
    "M10 6.8a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4M10 2.5v1.2m0 12.6v1.2M2.5 10h1.2m12.6 0h1.2M4.7 4.7l.8.8m9 9 .8.8m0-10.6-.8.8m-9 9-.8.8",
  dark: "M16 11.8A6.5 6.5 0 0 1 8.2 4 6.5 6.5 0 1 0 16 11.8",
  link: "M8.5 11.5a3 3 0 0 0 4.3 0l2.3-2.3a3 3 0 0 0-4.3-4.3l-.8.8m1.5 2.8a3 3 0 0 0-4.3 0l-2.3 2.3a3 3 0 0 0 4.3 4.3l.8-.8",
  file: "M6 3.5h5L14.5 7v9.5H6zM11 3.5V7h3.5",
  report: "M5 15.5V9m3.5 6.5v-11m3.5 11v-8m3.5 8V6",
  film: "M3.5 5h13v10h-13zM7 5v10m6-10v10M3.5 8.3H7m-3.5 3.4H7m6-3.4h3.5m-3.5 3.4h3.5",
  leave: "M8 4H4.5v12H8m3-9 3 3-3 3m3-3H7.5",
  plus: "M10 4.5v11M4.5 10h11",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
