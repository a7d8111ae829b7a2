/** The true scale of a scene, once measured, is known again when the scene is opened again. */

const PREFIX = "roomsplat.scale.";

export function rememberedScale(scene: string): number | undefined {
  try {
    const value = Number(localStorage.getItem(PREFIX + scene));
    return value > 0 && Number.isFinite(value) ? value : undefined;
  } catch {
    return undefined; // a browser that keeps nothing for this page
  }
}

export function rememberScale(scene: string, scale: number): void {
  try {
    localStorage.setItem(PREFIX + scene, String(scale));
  } catch {
    // Not kept, then; the link keeps it.
  }
}
