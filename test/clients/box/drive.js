// Drives the published Box clients, unmodified, against a running "countersign
// demo". All they know is its credentials file:
//
//   node drive.js CREDENTIALS off|on
//
// Each check prints one line, "ok <client>: <what>"; the first that fails ends
// the run with exit code 1 and says what was seen. What has to be approved is
// approved by a person of the demo through the directory's own API, as in real
// life.
"use strict";
const { describe } = require("./lib");

(async () => {
  await require("./tokens")();
  await require("./life")();
  await require("./older")();
})().catch((e) => {
  console.log(describe(e));
  process.exit(1);
});
