/** Line drawings, 24 by 24. */

const PATHS = {
  orbit:
    "M12 12m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0M3 12c0-2.2 4-4 9-4s9 1.8 9 4-4 4-9 4c-1.6 0-3.1-.2-4.4-.5M5.5 18l2-2.5L5 13.500",
  walk: "M13 4m-1.600 0a1.600 1.600 0 1 0 3.200 0a1.600 1.600 0 1 0-3.200 0M8 20l2.500-5.500L9 11l1-4 3 .5 2.500 3.500H18M10 7.500 7.500 9 7 12M11 14l3 2 1 4.500",
  previous: "M14.500 6 8.500 12l6 6",
  next: "M9.500 6l6 6-6 6",
  cameras:
    "M4 8h3l1.500-2h5L15 8h3a1.500 1.500 0 0 1 1.500 1.500v7A1.500 1.500 0 0 1 18 18H4a1.500 1.500 0 0 1-1.500-1.500v-7A1.500 1.500 0 0 1 4 8zM11 12.500m-2.700 0a2.700 2.700 0 1 0 5.400 0a2.700 2.700 0 1 0-5.400 0",
  measure: "M3.500 15.500l12-12 5 5-12 12zM7 12l2 2M10 9l2.500 2.500M13 6l2 2",
  crop: "M12 3l8 4.500v9L12 21l-8-4.500v-9zM12 12l8-4.500M12 12v9M12 12L4 7.500",
  look: "M4 7h9M17 7h3M4 17h3M11 17h9M15 7m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0M9 17m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
  share:
    "M10 14a4 4 0 0 0 5.700 0l3.200-3.200a4 4 0 0 0-5.700-5.700l-1 1M14 10a4 4 0 0 0-5.700 0l-3.200 3.200a4 4 0 0 0 5.700 5.700l1-1",
  picture: "M12 4v11M7.500 11l4.500 4.500 4.500-4.500M4 20h16",
  fullScreen: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  headset:
    "M3 9a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2h-3.200l-2-2.500a2.300 2.300 0 0 0-3.600 0l-2 2.500H5a2 2 0 0 1-2-2z",
  keys: "M9 9a3 3 0 1 1 4.400 2.700c-.9.5-1.400 1.100-1.400 2.300M12 17.500v.1",
  close: "M6 6l12 12M18 6L6 18",
} as const;

export type IconName = keyof typeof PATHS;

const SVG = "http://www.w3.org/2000/svg";

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
