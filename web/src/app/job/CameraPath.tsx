import { useMemo } from "react";
import { useCameras } from "../viewer/useCameras";
import { planOf } from "./plan";
import type { Story } from "./story";

const WIDTH = 260;
const HEIGHT = 150;
const EDGE = 18;
const LOOK = 9;

interface CameraPathProps {
  id: string;
  cameras: NonNullable<Story["cameras"]>;
}

/** The way that the film took through the room, from above: known as soon as the cameras are found. */
export function CameraPath({ id, cameras: found }: CameraPathProps) {
  const cameras = useCameras(id, found.file);
  const plan = useMemo(() => planOf(cameras ?? [], WIDTH, HEIGHT, EDGE), [cameras]);
  if (plan.length === 0) return null;
  const words = `${found.registered} of ${found.frames} pictures have their place`;
  const way = plan.map((camera) => `${camera.x.toFixed(1)} ${camera.y.toFixed(1)}`).join("L");
  const looks = plan.map(({ x, y, dx, dy }) => {
    return `M${x.toFixed(1)} ${y.toFixed(1)}l${(dx * LOOK).toFixed(1)} ${(dy * LOOK).toFixed(1)}`;
  });
  return (
    <section className="card padded camera-path">
      <h2>The way of the camera</h2>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Seen from above: ${words}`}>
        <path d={looks.join("")} className="looks" />
        <path d={`M${way}`} className="way" />
        <circle cx={plan[0]?.x} cy={plan[0]?.y} r="3.5" />
      </svg>
      <p className="quiet small figures">Seen from above · {words}</p>
    </section>
  );
}
