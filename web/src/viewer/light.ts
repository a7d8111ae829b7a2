/** What a report on the disk carries: `roomsplatViewer.mount`, nothing fetched from anywhere. */
import { mountViewer } from "./index";
import type { CapturedCamera, ViewerHandle } from "./types";

export interface LightScene {
  bytes: ArrayBuffer;
  fileName: string;
  cameras?: readonly CapturedCamera[];
}

export function mount(host: HTMLElement, { bytes, fileName, cameras }: LightScene): Promise<ViewerHandle> {
  const file = new File([bytes], fileName);
  return mountViewer(host, { source: { fileName, file }, cameras: cameras ?? [], mode: "light" });
}
