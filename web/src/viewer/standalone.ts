import { camerasFromTransforms, mountViewer } from "./index";
const q = new URLSearchParams(location.search);
const host = document.getElementById("viewer")!;
host.style.cssText = "position:fixed;inset:0";
const tr = q.get("cameras");
const cameras = tr ? camerasFromTransforms(await (await fetch(tr)).json(), (p) => new URL(p, new URL(tr, location.href)).href) : [];
const h = await mountViewer(host, { source: { fileName: q.get("name") ?? "scene.ply", url: q.get("scene")! }, cameras, mode: "full" });
(globalThis as any).viewer = h; (globalThis as any).cams = cameras;
