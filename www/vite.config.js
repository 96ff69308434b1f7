import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses: the page works from any folder of any web server.
  base: "./",
  build: {
    target: "es2023",
    // Nothing becomes a data: URL, which the page's Content-Security-Policy refuses.
    assetsInlineLimit: 0,
    // Every browser that has import.meta has modulepreload by now, or does without.
    modulePreload: { polyfill: false },
  },
  // pkg/ and examples/ lie beside this folder.
  server: { fs: { allow: [".."] } },
});
