/** Lines between picked points, with their lengths written beside them. */
import {
  BufferGeometry,
  Float32BufferAttribute,
  LineBasicMaterial,
  LineSegments,
  Points,
  PointsMaterial,
  type Vector3,
} from "three";
import { OVER_SPLATS, type Stage } from "../stage";
import { lengthText, scaleFrom } from "./units";

const COLOUR = 0xf59e0b;

interface Edge {
  from: Vector3;
  to: Vector3;
  label: HTMLElement;
}

export class Measure {
  /** Metres in one unit of the scene. */
  scale: number | undefined;
  private start: Vector3 | undefined;
  private readonly edges: Edge[] = [];
  private readonly lines = new LineSegments(
    new BufferGeometry(),
    new LineBasicMaterial({ color: COLOUR, ...OVER_SPLATS }),
  );
  private readonly dots = new Points(
    new BufferGeometry(),
    new PointsMaterial({ color: COLOUR, size: 7, sizeAttenuation: false, ...OVER_SPLATS }),
  );
  private readonly forget: () => void;

  /** `labels`: an element of the canvas' size that lies over it. */
  constructor(
    private readonly stage: Stage,
    private readonly labels: HTMLElement,
  ) {
    for (const object of [this.lines, this.dots]) {
      object.frustumCulled = false;
      object.renderOrder = 20;
      object.visible = false;
      stage.overlays.add(object);
    }
    this.forget = stage.onFrame(() => this.placeLabels());
  }

  /** Length of the last edge in units of the scene. */
  get last(): number | undefined {
    const edge = this.edges.at(-1);
    return edge?.from.distanceTo(edge.to);
  }

  get waitsForSecond(): boolean {
    return this.start !== undefined;
  }

  get text(): string | undefined {
    return this.last === undefined ? undefined : lengthText(this.last, this.scale);
  }

  add(point: Vector3): void {
    if (this.start === undefined) {
      this.start = point.clone();
    } else {
      const label = document.createElement("span");
      label.className = "rv-length";
      this.labels.append(label);
      this.edges.push({ from: this.start, to: point.clone(), label });
      this.start = undefined;
    }
    this.redraw();
  }

  /** The last edge is so long in truth: from now on every length is in metres. */
  calibrate(metres: number): boolean {
    const scale = this.last === undefined ? undefined : scaleFrom(this.last, metres);
    if (scale === undefined) return false;
    this.setScale(scale);
    return true;
  }

  setScale(scale: number | undefined): void {
    this.scale = scale;
    this.redraw();
  }

  clear(): void {
    for (const { label } of this.edges) label.remove();
    this.edges.length = 0;
    this.start = undefined;
    this.redraw();
  }

  dispose(): void {
    this.clear();
    this.forget();
    for (const object of [this.lines, this.dots]) {
      object.geometry.dispose();
      object.material.dispose();
      this.stage.overlays.remove(object);
    }
  }

  private redraw(): void {
    const ends = this.edges.flatMap(({ from, to }) => [from, to]);
    const dots = this.start === undefined ? ends : [...ends, this.start];
    setPoints(this.lines, ends);
    setPoints(this.dots, dots);
    for (const { from, to, label } of this.edges)
      label.textContent = lengthText(from.distanceTo(to), this.scale);
    this.stage.invalidate();
  }

  private placeLabels(): void {
    const { camera, canvas } = this.stage;
    for (const { from, to, label } of this.edges) {
      const middle = from.clone().add(to).multiplyScalar(0.5).project(camera);
      label.hidden = middle.z > 1 || Math.abs(middle.x) > 1 || Math.abs(middle.y) > 1;
      label.style.left = `${((middle.x + 1) / 2) * canvas.clientWidth}px`;
      label.style.top = `${((1 - middle.y) / 2) * canvas.clientHeight}px`;
    }
  }
}

function setPoints(object: LineSegments | Points, points: readonly Vector3[]): void {
  object.geometry.dispose();
  object.geometry = new BufferGeometry();
  object.geometry.setAttribute(
    "position",
    new Float32BufferAttribute(
      points.flatMap((point) => point.toArray()),
      3,
    ),
  );
  object.visible = points.length > 0;
}
