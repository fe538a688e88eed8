// The data of the page: base64 of deflated JSON.
const read = async (root) => {
  const packed = Uint8Array.from(atob(root.querySelector('#data').textContent), (character) => character.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'))).json();
};

// Everything that the script does for the page below a root.
const improve = (root, data) => {
  improveLadder(root, data.ladder);
  improveCharts(root, data.charts);
  improveReplay(root, data.replay);
  root.classList.add('improved');
};

// A browser that cannot unpack the data shows the page as it is.
if (window.DecompressionStream && document.querySelector('#data')) read(document.body).then((data) => improve(document.body, data));
