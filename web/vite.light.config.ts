/** The light viewer: one script that a report on the disk carries inside itself. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { squeezedSpark } from "./scripts/squeezed-spark";

export default defineConfig({
  mode: "light",
  publicDir: false,
  plugins: [squeezedSpark()],
  build: {
    target: "es2022",
    outDir: "dist-light",
    lib: {
      entry: fileURLToPath(new URL("src/viewer/light.ts", import.meta.url)),
      formats: ["iife"],
      name: "roomsplatViewer",
      fileName: () => "viewer.js",
    },
    rollupOptions: { output: { inlineDynamicImports: true } },
  },
});
