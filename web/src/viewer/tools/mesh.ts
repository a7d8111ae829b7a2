/** The mesh of the same room, laid over the splats. Its loaders come only when there is one. */
import { Group, Mesh, MeshNormalMaterial, type Object3D } from "three";
import { fetched } from "../scene/load";
import { type Load, ViewerError } from "../types";

export async function loadMesh(url: string, load: Load): Promise<Object3D> {
  // The light build shows no mesh, and leaves the loaders out.
  if (import.meta.env.MODE === "light")
    throw new ViewerError("A report shows no mesh: open the room on the page.");
  const name = decodeURIComponent(url.slice(url.lastIndexOf("/") + 1).replace(/[?#].*$/, ""));
  const response = await fetched(name, url, load);
  const turned = new Group();
  if (name.toLowerCase().endsWith(".obj")) {
    const { OBJLoader } = await import("three/examples/jsm/loaders/OBJLoader.js");
    turned.add(new OBJLoader().parse(await response.text()));
  } else {
    const { GLTFLoader } = await import("three/examples/jsm/loaders/GLTFLoader.js");
    turned.add((await new GLTFLoader().parseAsync(await response.arrayBuffer(), "")).scene);
    // glTF's worlds have +y up, ours +z.
    turned.rotation.x = Math.PI / 2;
  }
  // No lights in a splat scene: normals as colours show the shape.
  const material = new MeshNormalMaterial({ transparent: true, opacity: 0.6 });
  turned.traverse((child) => {
    if (child instanceof Mesh) child.material = material;
  });
  return turned;
}
