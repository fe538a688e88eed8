// Lets a reader choose the samples that the page is about, by any filter. What is said of them was made by the analysis: here
// is only counted how many samples a threshold keeps.
const improveLadder = (root, ladder) => {
  const header = root.querySelector('header');
  if (!ladder || !header) return;
  const { iops, own, methods, rungs } = ladder;
  const names = {
    percentile: 'percentile: the busiest percent',
    statistical: 'statistical: mean less standard deviations',
    absolute: 'absolute: at least so many IOPS',
    cluster: 'cluster: the busy ones',
    none: 'none: all samples',
  };
  const options = Object.entries(names).map(([method, name]) => element('option', { value: method }, name));
  const filter = element('select', {}, ...options);
  const threshold = element('input', { type: 'text', inputmode: 'decimal', size: 8, autocomplete: 'off' });
  const slider = element('input', { type: 'range', 'aria-label': 'threshold' });
  const reset = element('button', { type: 'button' }, "As the report's own");
  const said = element('p', { role: 'status' });
  const thresholds = element('span', {}, element('label', {}, 'threshold ', threshold), slider);
  const label = element('label', {}, 'samples by ', filter);
  header.append(element('div', { class: 'tools chooser' }, element('p', {}, label, thresholds, reset), said));

  const ends = {
    percentile: [1, 100, 1],
    statistical: [-3, 3, 0.1],
    absolute: [0, iops[0], 10 ** Math.floor(Math.log10(iops[0] || 1) - 2)],
  };
  const begin = (method, value) => {
    filter.value = method;
    thresholds.hidden = !methods[method];
    if (!methods[method]) return;
    threshold.value = decimal(value);
    ['min', 'max', 'step'].forEach((side, index) => slider.setAttribute(side, ends[method][index]));
    slider.value = threshold.value;
  };

  let shown = own.kept;
  const show = (number, name, asked) => {
    const rung = rungs.indexOf(number);
    if (number !== shown) for (const place of root.querySelectorAll('[data-part]')) fill(place, ladder.parts[place.dataset.part], rung);
    for (const place of root.querySelectorAll('.filter')) place.textContent = name;
    for (const place of root.querySelectorAll('.options')) place.textContent = asked;
    if (number !== shown) mark(root, ladder.places, number);
    shown = number;
    for (const note of root.querySelectorAll('.stays')) note.hidden = number === own.kept;
    return ladder.said[rung];
  };
  const change = () => {
    const method = filter.value;
    const value = methods[method] ? numberIn(threshold.value) : undefined;
    const right = fits(method, value);
    threshold.setAttribute('aria-invalid', !right);
    if (!right) {
      const written = threshold.value.trim();
      said.textContent = `${written ? `${written} is no threshold` : 'a threshold is missing'}: ${methods[method].allowed}. The page is as it was.`;
      return;
    }
    const number = keeps(ladder, method, value);
    const name = nameOf(method, value);
    if (number === 0) {
      said.textContent = `${name} keeps none of the samples, the busiest of which has ${ladder.busiest} I/Os per second. The page is as it was.`;
      return;
    }
    const nearest = rungs.reduce((best, rung) => (Math.abs(rung - number) < Math.abs(best - number) ? rung : best));
    if (nearest === number) {
      said.textContent = `${name} keeps ${show(number, name, optionsOf(method, value))}.`;
      return;
    }
    const percent = ladder.percents[rungs.indexOf(nearest)];
    const other = nameOf('percentile', percent);
    const told = show(nearest, other, optionsOf('percentile', percent));
    said.textContent = `${name} keeps ${number} of ${iops.length} samples. The page shows the nearest choice that it has, ${other}: ${told}.`;
  };
  const asReported = () => {
    begin(own.method, own.threshold);
    change();
  };
  filter.addEventListener('change', () => {
    begin(filter.value, methods[filter.value]?.threshold);
    change();
  });
  threshold.addEventListener('input', () => {
    slider.value = numberIn(threshold.value);
    change();
  });
  slider.addEventListener('input', () => {
    threshold.value = slider.value;
    change();
  });
  reset.addEventListener('click', asReported);

  for (const place of root.querySelectorAll('[data-stays]')) {
    const note = element('p', { class: 'tools note stays' }, `The pictures do not change with the choice: they are of the report's own, ${nameOf(own.method, own.threshold)}.`);
    note.hidden = true;
    place.prepend(note);
  }
  asReported();
};

// What a part of the page says of a choice.
const fill = (place, pieces, rung) => {
  const open = [...place.querySelectorAll('details')].map((details) => details.open);
  place.innerHTML = pieces.map((piece) => (typeof piece === 'string' ? piece : latest(piece, rung))).join('');
  place.querySelectorAll('details').forEach((details, index) => (details.open = open[index] ?? false));
};
const latest = (piece, rung) => piece.slice(0, rung + 1).findLast((text) => text !== null);

// Marks in the table of samples which of them are kept: the first so many of the order.
const mark = (root, places, number) => {
  const rows = [...root.querySelectorAll('#time tbody tr')];
  const listed = places.filter((place) => place < rows.length);
  rows.forEach((row, index) => {
    const kept = listed[index] < number;
    row.classList.toggle('out', !kept);
    row.cells[3].textContent = kept ? 'yes' : 'no';
  });
};

// A number as a person writes it, or NaN.
const numberIn = (text) => (/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : NaN);
const fits = (method, value) => {
  if (method === 'percentile') return value > 0 && value <= 100;
  if (method === 'absolute') return Number.isFinite(value) && value >= 0;
  return method !== 'statistical' || Number.isFinite(value);
};

// How many samples a filter keeps: the same steps as in the analysis, in the same order.
const keeps = ({ iops, mean, deviation, cluster }, method, value) => {
  const all = iops.length;
  const atLeast = (limit) => iops.filter((rate) => rate >= limit).length;
  if (method === 'percentile') return all - Math.min(Math.floor((all * (100 - value)) / 100 + 1e-3), all - 1);
  if (method === 'statistical') return atLeast(mean - value * deviation);
  if (method === 'absolute') return atLeast(value);
  return method === 'cluster' ? cluster : all;
};

// A filter by its name, as the analysis writes it.
const nameOf = (method, value) => {
  if (method === 'percentile') return `percentile (${decimal(value)}th)`;
  if (method === 'statistical') return `statistical (mean - ${decimal(value)} sd)`;
  if (method === 'absolute') return `absolute (>= ${decimal(value)} IOPS)`;
  return method === 'cluster' ? 'cluster (busy samples)' : 'none (all samples)';
};

// A filter as the options of a command.
const optionsOf = (method, value) => `--filter ${method}${value === undefined ? '' : ` --threshold=${decimal(value)}`}`;

// A number with all of its digits and no power of ten.
const decimal = (value) => {
  const [, sign, whole, part = '', power] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value));
  if (!power) return String(value);
  const point = whole.length + Number(power);
  const digits = `${'0'.repeat(Math.max(1 - point, 0))}${whole}${part}`.padEnd(point, '0');
  const at = Math.max(point, 1);
  return `${sign}${digits.slice(0, at)}${digits.length > at ? `.${digits.slice(at)}` : ''}`;
};
