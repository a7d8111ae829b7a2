/// <reference types="vitest/config" />
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { squeezedSpark } from "./scripts/squeezed-spark";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const SERVICE = process.env["ROOMSPLAT_SERVICE"] ?? "http://127.0.0.1:8000";
const OF_THE_SERVICE = ["/api", "/static/models", "/auth", "/health", "/ready", "/openapi.json"];

export default defineConfig({
  plugins: [react(), squeezedSpark()],
  build: {
    target: "es2022",
    manifest: true,
    // A data: URL of a script would need a looser Content-Security-Policy than we send.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 6000,
    rollupOptions: {
      input: [here("index.html"), here("viewer.html")].filter((file) => existsSync(file)),
    },
  },
  server: {
    proxy: Object.fromEntries(OF_THE_SERVICE.map((path) => [path, { target: SERVICE, changeOrigin: false }])),
  },
  test: { environment: "happy-dom", include: ["tests/**/*.test.{ts,tsx}"] },
});
