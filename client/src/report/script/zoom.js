// Shows a part of the time on all charts: the one that the reader marks on any of them.
const improveZoom = (root, plots, time) => {
  const words = 'A drag over a chart marks a stretch of time, and all charts show it. With the keys: the arrows move along the samples, with Shift they mark, Enter shows the stretch, Escape the whole time.';
  const said = element('span', { role: 'status' });
  const whole = element('button', { type: 'button' }, 'Show the whole time');
  const bar = element('p', { class: 'stretch tools' }, said, whole);
  bar.hidden = true;
  root.append(bar);
  root.querySelector('#time h2')?.after(element('p', { class: 'note tools', id: 'chart-keys' }, words));

  const panes = plots.map((plot) => paneOf(plot, time));
  const show = (from, to, text) => {
    Object.assign(time, { from, to });
    const isPart = from > 0 || to < 1;
    time.ticks = isPart ? (moments, most) => ticksOf(moments, time, most) : undefined;
    said.textContent = text;
    bar.hidden = !isPart;
    for (const changed of time.changed) changed();
    for (const show of panes) show(isPart);
  };
  const end = () => show(0, 1, '');
  whole.addEventListener('click', end);
  addEventListener('beforeprint', end, time.listens);
  addEventListener('resize', () => time.ticks && panes.forEach((show) => show(true)), time.listens);
  addEventListener('keydown', (event) => event.key === 'Escape' && time.ticks && end(), time.listens);

  for (const plot of plots) {
    const { svg, areas, moments, across } = plot;
    const band = drawn('path', { class: 'band' });
    svg.append(band);
    const stretch = () => [plot.anchor, plot.index].sort((one, two) => one - two).map((index) => moments[index]);
    const mark = () => {
      if (plot.anchor === null) return band.setAttribute('d', '');
      const [first, last] = stretch();
      const [from, to] = [across(first.from), across(last.to)];
      band.setAttribute('d', areas.map(([, top, , bottom]) => `M${from} ${top}H${to}V${bottom}H${from}z`).join(''));
    };
    const forget = () => {
      plot.anchor = null;
      mark();
    };
    const take = () => {
      if (plot.anchor === null) return;
      const [first, last] = stretch();
      forget();
      show(first.from, last.to, `${first.begins} to ${last.ends}`);
    };
    let begun = null;
    svg.addEventListener('pointerdown', (event) => {
      forget();
      begun = event.button === 0 ? { x: event.clientX, index: plot.index } : null;
      if (begun) svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener('pointermove', (event) => {
      if (begun && Math.abs(event.clientX - begun.x) > 4) plot.anchor = begun.index;
      if (begun) mark();
    });
    svg.addEventListener('pointerup', () => {
      if (begun) take();
      begun = null;
    });
    svg.addEventListener('pointercancel', () => {
      begun = null;
      forget();
    });
    svg.addEventListener('blur', forget);
    svg.addEventListener('keydown', (event) => (event.key === 'Enter' ? take() : mark()));
  }
};

// At most so many moments of the part that is shown, as shares of it with what they are called.
const ticksOf = (moments, time, most) => {
  const shown = moments.filter((moment) => moment.from >= time.from && moment.from < time.to);
  const every = Math.ceil(shown.length / most);
  const chosen = shown.filter((_, index) => index % every === 0);
  return chosen.map((moment) => [(moment.from - time.from) / (time.to - time.from), moment.begins]);
};

// Lets a picture show a part of the time: what stands over time moves behind a window as wide as its plot.
const paneOf = (plot, time) => {
  const { svg, areas, moments } = plot;
  const { width, height } = svg.viewBox.baseVal;
  const [left, , right] = areas[0];
  let windows;
  const open = () =>
    [...svg.querySelectorAll('.over-time')].map((layer) => {
      const made = drawn('svg', { x: left, y: 0, width: right - left, height, preserveAspectRatio: 'none' });
      // The style sheet is meant for whole pictures.
      made.style.width = `${right - left}px`;
      made.style.height = `${height}px`;
      layer.replaceWith(made);
      made.append(layer);
      return made;
    });
  const ticks = [...svg.querySelectorAll('.ticks')];
  const own = ticks.map(() => drawn('g', {}));
  const label = (group, texts, index) => {
    const [example] = texts.querySelectorAll('text');
    if (!example) return group.replaceChildren();
    const size = Number(example.parentElement.getAttribute('font-size'));
    const longest = Math.max(...moments.map((moment) => moment.begins.length));
    const chosen = ticksOf(moments, time, clamped(Math.floor((right - left) / (0.75 * longest * size)), 2, 12));
    const words = drawn('g', { class: 'f-quiet m', 'font-size': size });
    const place = (share) => left + share * (right - left);
    for (const [share, text] of chosen) {
      const made = drawn('text', { x: place(share), y: example.getAttribute('y') });
      made.textContent = text;
      words.append(made);
    }
    const marks = chosen.map(([share]) => `M${place(share)} ${areas[index][3]}v9`).join('');
    group.replaceChildren(words, drawn('path', { class: 'lines s-axis', 'stroke-width': 2, d: marks }));
  };
  return (isPart) => {
    if (!isPart && !windows) return;
    windows ??= open();
    const from = left + time.from * (right - left);
    // Lines stay as thin as they are, in pixels of the screen.
    const pixels = svg.getBoundingClientRect().width / width || 0.5;
    for (const shown of windows) {
      shown.setAttribute('viewBox', `${from} 0 ${(time.to - time.from) * (right - left)} ${height}`);
      for (const line of shown.querySelectorAll('[stroke-width]:not(.cells *)')) {
        line.style.vectorEffect = isPart ? 'non-scaling-stroke' : '';
        line.style.strokeWidth = isPart ? `${line.getAttribute('stroke-width') * pixels}px` : '';
      }
    }
    ticks.forEach((texts, index) => {
      texts.style.display = isPart ? 'none' : '';
      if (!isPart) return own[index].remove();
      label(own[index], texts, index);
      texts.after(own[index]);
    });
  };
};
