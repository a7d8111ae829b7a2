import { count } from "../format";
import type { CurvePoint } from "./story";

/** How the training goes: the likeness to the pictures, and the loss. Drawn by hand; two lines need no library. */
export function Curves({ curve }: { curve: readonly CurvePoint[] }) {
  const last = curve[curve.length - 1];
  if (last === undefined || curve.length < 2) return null;
  return (
    <section className="card padded curves" aria-label="Training">
      <Curve
        name="PSNR while training"
        unit=" dB"
        digits={1}
        points={points(curve, (point) => point.psnr)}
        kind="psnr"
      />
      <Curve name="Loss" unit="" digits={4} points={points(curve, (point) => point.loss)} kind="loss" log />
      <p className="quiet small figures">
        Step {count(last.step)}
        {last.gaussians !== null && ` · ${count(last.gaussians)} Gaussians`}
      </p>
    </section>
  );
}

type Point = readonly [x: number, y: number];

function points(curve: readonly CurvePoint[], of: (point: CurvePoint) => number | null): Point[] {
  return curve.flatMap((point) => {
    const value = of(point);
    return value === null || !Number.isFinite(value) ? [] : [[point.step, value] as const];
  });
}

interface CurveProps {
  name: string;
  unit: string;
  digits: number;
  points: readonly Point[];
  kind: string;
  /** The axis of values is logarithmic. */
  log?: boolean;
}

function Curve({ name, unit, digits, points: given, kind, log = false }: CurveProps) {
  const last = given[given.length - 1];
  if (last === undefined) return null;
  const value = `${last[1].toFixed(digits)}${unit}`;
  return (
    <figure className={`curve ${kind}`}>
      <figcaption className="figures">
        <span className="quiet small">{name}</span>
        <b>{value}</b>
      </figcaption>
      <svg
        viewBox="0 0 100 40"
        preserveAspectRatio="none"
        role="img"
        aria-label={`${name}: ${value} at step ${last[0]}`}
      >
        <path d={pathOf(given, log)} vectorEffect="non-scaling-stroke" />
      </svg>
    </figure>
  );
}

/** The line in a box of 100 by 40, all values inside it. */
export function pathOf(given: readonly Point[], log: boolean): string {
  const scaled = given.map(([x, y]) => [x, log ? Math.log(Math.max(y, 1e-9)) : y] as const);
  const xs = scaled.map(([x]) => x);
  const ys = scaled.map(([, y]) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const place = ([x, y]: Point) => {
    const across = right > left ? (x - left) / (right - left) : 0;
    const up = high > low ? (y - low) / (high - low) : 0.5;
    return `${(across * 100).toFixed(2)} ${(38 - up * 36).toFixed(2)}`;
  };
  return `M${scaled.map(place).join("L")}`;
}
