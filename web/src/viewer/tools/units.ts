/** Lengths as people read them. */

/** `scale`: metres in one unit of the scene, if anyone knows. */
export function lengthText(units: number, scale: number | undefined): string {
  if (scale === undefined) return `${significant(units)} units`;
  const metres = units * scale;
  if (metres >= 1) return `${metres.toFixed(2)} m`;
  return metres >= 0.1 ? `${(metres * 100).toFixed(1)} cm` : `${(metres * 1000).toFixed(0)} mm`;
}

/** A place along an axis, which may be negative. */
export function placeText(units: number, scale: number | undefined): string {
  // Adding zero takes the sign from a place that is rounded to nothing.
  const rounded = Math.round(units * (scale ?? 1) * 100) / 100 + 0;
  return scale === undefined ? rounded.toFixed(2) : `${rounded.toFixed(2)} m`;
}

/** Metres in one unit, from an edge of known length; undefined if that makes no sense. */
export function scaleFrom(units: number, metres: number): number | undefined {
  const scale = metres / units;
  return units > 0 && metres > 0 && Number.isFinite(scale) ? scale : undefined;
}

/** A length that a person typed: a number with a dot or a comma, in metres or with a unit. */
export function metresFrom(text: string): number | undefined {
  const match = /^\s*(\d+(?:[.,]\d+)?|[.,]\d+)\s*(m|cm|mm|ft|in)?\s*$/i.exec(text);
  if (match === null) return undefined;
  const value = Number((match[1] ?? "").replace(",", "."));
  const metres = value * (METRES_IN[(match[2] ?? "m").toLowerCase()] ?? 1);
  return metres > 0 ? metres : undefined;
}

const METRES_IN: Record<string, number> = { m: 1, cm: 0.01, mm: 0.001, ft: 0.3048, in: 0.0254 };

function significant(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
