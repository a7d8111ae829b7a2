/** Numbers and times in words that people use. */

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** 24.8 MB: decimal units, as operating systems of phones show them. */
export function bytes(count: number): string {
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit] ?? ""}`;
}

/** 45 s, 3 min, 1 h 20 min: as exact as one wants to know it. */
export function duration(seconds: number): string {
  if (seconds < 1) return "1 s";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}

export function timeLeft(seconds: number): string {
  return seconds < 5 ? "a few seconds left" : `about ${duration(seconds)} left`;
}

export const percent = (share: number): string => `${Math.floor(Math.min(Math.max(share, 0), 1) * 100)} %`;

const COUNTS = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
export const count = (value: number): string => COUNTS.format(value);

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** 5 minutes ago, yesterday; a date when it is longer than a week. */
export function ago(when: string, now: number = Date.now()): string {
  const seconds = (now - Date.parse(when)) / 1000;
  if (seconds > 7 * 86_400) {
    return new Date(when).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
  }
  for (const [unit, length] of STEPS) {
    if (seconds >= length) return RELATIVE.format(-Math.floor(seconds / length), unit);
  }
  return "just now";
}

const FILE_NAME = /^\S+\.[a-z0-9]+$/;

/** Words of the service at the beginning of a line; a file keeps its name. */
export function sentence(words: string): string {
  return FILE_NAME.test(words) ? words : words.charAt(0).toUpperCase() + words.slice(1);
}
