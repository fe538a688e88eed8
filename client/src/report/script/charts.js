// The charts over time, which all show the same part of it.
let former;
const improveCharts = (root, charts) => {
  // What listened to the window for the page before has nothing to do any more.
  former?.abort();
  if (!charts) return;
  former = new AbortController();
  // Shares of the whole time, and who has to know when they change.
  const time = { from: 0, to: 1, changed: [], listens: { signal: former.signal } };
  improveSurfaces(root, charts, time);
  const plots = plotsOf(root, charts);
  improveHover(root, plots, time);
  improveZoom(root, plots, time);
};
