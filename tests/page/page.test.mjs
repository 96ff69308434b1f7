// The page, from outside. One process and one browser for all of it: the parts are in the modules beside this file.
import { start } from "./harness.mjs";

start();
await import("./edit.mjs");
await import("./see.mjs");
await import("./ask.mjs");
await import("./compare.mjs");
await import("./share.mjs");
await import("./hostile.mjs");
await import("./looks.mjs");
await import("./speed.mjs");
