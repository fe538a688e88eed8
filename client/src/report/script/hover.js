const drawn = (tag, attributes) => {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};

// The pictures over time: where their plots are, and what they tell of a moment.
const plotsOf = (root, charts) => {
  const grouped = (count) => count.toLocaleString('en-US');
  const maps = charts.surfaces.map((surface) => {
    const { counts, labels } = charts.histograms[surface.histogram];
    return {
      svg: root.querySelector(`[data-chart="${surface.chart}"] .beside div:last-child svg`),
      areas: [surface.plot],
      moments: charts.moments,
      buckets: labels.length,
      told: (index, bucket) => {
        const sum = counts[index].reduce((sum, count) => sum + count, 0);
        return [[surface.bucket_title, labels[bucket]], ['I/Os', `${grouped(counts[index][bucket] ?? 0)} of ${grouped(sum)}`]];
      },
    };
  });
  const lines = charts.timelines.map((timeline) => ({
    svg: root.querySelector(`[data-chart="${timeline.chart}"] .wide svg`),
    areas: timeline.parts.map((part) => part.plot),
    moments: charts.fine ?? charts.moments,
    buckets: 0,
    told: (index) => timeline.parts.flatMap((part) => [[part.unit], ...part.rows.map((row) => [row.label, row.values[index]])]),
  }));
  return [...lines, ...maps].filter((plot) => plot.svg).map((plot) => ({ ...plot, index: 0, bucket: 0, anchor: null }));
};

// Tells the values of the moment under the pointer, or of the one that the arrow keys have come to.
const improveHover = (root, plots, time) => {
  const tip = element('div', { class: 'tip tools', role: 'status' });
  tip.hidden = true;
  root.append(tip);
  for (const plot of plots) {
    const { svg, areas, moments, buckets } = plot;
    const mark = drawn('path', { class: buckets ? 'mark cell' : 'mark' });
    svg.append(mark);
    svg.setAttribute('tabindex', 0);
    svg.setAttribute('aria-describedby', 'chart-keys');
    const [left, , right] = areas[0];
    const isShown = (index) => moments[index].to > time.from && moments[index].from < time.to;
    const across = (share) => left + ((clamped(share, time.from, time.to) - time.from) / (time.to - time.from)) * (right - left);
    plot.across = across;
    const hide = () => {
      tip.hidden = true;
      mark.setAttribute('d', '');
    };
    const tell = () => {
      const { index, bucket } = plot;
      const moment = moments[index];
      const [from, to] = [across(moment.from), across(moment.to)];
      const high = (areas[0][3] - areas[0][1]) / buckets;
      const boxes = buckets ? [[areas[0][3] - high * (bucket + 1), high]] : areas.map(([, top, , bottom]) => [top, bottom - top]);
      mark.setAttribute('d', boxes.map(([top, height]) => `M${from} ${top}h${to - from}v${height}h${from - to}z`).join(''));
      const rows = plot.told(index, bucket).map(([name, value]) =>
        value === undefined ? element('p', {}, name) : element('div', {}, element('span', {}, name), ' ', element('b', {}, value)),
      );
      const when = `${moment.begins} to ${moment.ends}`;
      tip.replaceChildren(element('p', {}, element('b', {}, when)), element('p', {}, `${moment.name}, ${moment.judged}`), ...rows);
      tip.hidden = false;
      const marked = mark.getBoundingClientRect();
      const { width, height } = tip.getBoundingClientRect();
      const beside = marked.right + 12 + width < innerWidth ? marked.right + 12 : marked.left - 12 - width;
      tip.style.left = `${scrollX + clamped(beside, 4, Math.max(innerWidth - width - 4, 4))}px`;
      tip.style.top = `${scrollY + clamped(marked.top, 4, Math.max(innerHeight - height - 4, 4))}px`;
    };
    const find = (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const share = time.from + ((at.x - left) / (right - left)) * (time.to - time.from);
      const distance = (moment) => Math.max(moment.from - share, share - moment.to, 0);
      const near = moments.map((moment, index) => [isShown(index) ? distance(moment) : Infinity, index]);
      plot.index = near.reduce((best, next) => (next[0] < best[0] ? next : best))[1];
      const [, top, , bottom] = areas[0];
      plot.bucket = clamped(Math.floor(((bottom - at.y) / (bottom - top)) * buckets), 0, Math.max(buckets - 1, 0));
      tell();
    };
    const step = (event) => {
      const shown = moments.flatMap((_, index) => (isShown(index) ? [index] : []));
      const [first, last] = [shown[0], shown.at(-1)];
      const moves = {
        ArrowLeft: [plot.index - 1, 0],
        ArrowRight: [plot.index + 1, 0],
        Home: [first, 0],
        End: [last, 0],
        ...(buckets && { ArrowUp: [plot.index, 1], ArrowDown: [plot.index, -1] }),
      };
      if (event.key === 'Escape') hide();
      if (!moves[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const [index, up] = moves[event.key];
      plot.anchor = event.shiftKey ? (plot.anchor ?? plot.index) : null;
      plot.index = clamped(index, first, last);
      plot.bucket = clamped(plot.bucket + up, 0, Math.max(buckets - 1, 0));
      tell();
      mark.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    };
    svg.addEventListener('pointermove', find);
    svg.addEventListener('pointerdown', find);
    svg.addEventListener('pointerleave', hide);
    svg.addEventListener('blur', hide);
    svg.addEventListener('keydown', step);
    svg.addEventListener('focus', () => {
      if (!isShown(plot.index)) plot.index = moments.findIndex((_, index) => isShown(index));
      if (svg.matches(':focus-visible')) tell();
    });
    time.changed.push(hide);
  }
};
