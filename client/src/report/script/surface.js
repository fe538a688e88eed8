// Colours as the pictures mix them: parts of red, green and blue, 0 to 255.
const parts = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const clamped = (value, low, high) => Math.min(Math.max(value, low), high);
const toward = (from, to, share) => from.map((part, index) => part + (to[index] - part) * clamped(share, 0, 1));
const slope = (look, hue, height, light) =>
  toward(toward(parts(look.paper), parts(hue), 0.3 + 0.7 * Math.sqrt(clamped(height, 0, 1))), parts(look.shadow), 0.42 * (1 - light));
// On a dark screen pale is dark, and every hue stays: as `invert(1) hue-rotate(180deg)` of the style sheet.
const css = (color, dark) => {
  const light = 0.213 * color[0] + 0.715 * color[1] + 0.072 * color[2];
  return `rgb(${color.map((part) => Math.round(dark ? clamped(part + 255 - 2 * light, 0, 255) : part))})`;
};

// The heights of a surface at moments of the time that is shown, in unbroken runs of strips between two moments.
const reliefOf = (charts, surface, time, dark) => {
  const { look, moments } = charts;
  const { counts, labels } = charts.histograms[surface.histogram];
  const last = labels.length - 1;
  const share = (at) => clamped((at - time.from) / (time.to - time.from), 0, 1);
  const shown = moments.flatMap((moment, index) => (moment.to > time.from && moment.from < time.to ? [index] : []));
  const runs = [];
  let stations;
  for (const [position, index] of shown.entries()) {
    const { from, to, seconds, kept, joined } = moments[index];
    const row = counts[index];
    const whole = surface.shares ? Math.max(row.reduce((sum, count) => sum + count, 0), 1) / 100 : seconds;
    const heights = labels.map((_, bucket) => Math.min((row[bucket] ?? 0) / whole / surface.top, 1));
    const [start, end] = [share(from), share(to)];
    if (!joined || !stations) runs.push((stations = [{ v: start, heights, kept }]));
    const before = stations.at(-1);
    if (before.kept !== kept) stations.push({ v: start, heights: heights.map((height, bucket) => (height + before.heights[bucket]) / 2), kept });
    stations.push({ v: (start + end) / 2, heights, kept });
    if (!moments[shown[position + 1]]?.joined) stations.push({ v: end, heights, kept });
  }
  const hueOf = (station) => (station.kept ? look.hues[surface.hue] : look.filtered);
  const [along, away, up] = look.box;
  const light = (du, dv, [n0, n1, f1, f0]) => {
    const [px, py, pz] = [du * along, dv * away, (f1 - n0) * up];
    const [qx, qy, qz] = [-du * along, py, (f0 - n1) * up];
    const normal = [py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx];
    const length = Math.hypot(...normal);
    const facing = length ? normal.reduce((sum, part, axis) => sum + part * look.lamp[axis], 0) / length : 1;
    return Math.min(0.25 + 0.75 * Math.abs(facing), 1);
  };
  // As few colours as the pictures have, so that cells beside each other are one shape; edges are a little darker.
  const paintOf = (color) => {
    const fill = color.map((part) => Math.floor((Math.round(part) + 8) / 17) * 17);
    return { fill: css(fill, dark), edge: css(toward(fill, [31, 41, 51], 0.22), dark) };
  };
  const strip = (near, far) => {
    const cells = [];
    for (let bucket = 0; bucket < last; bucket++) {
      const heights = [near.heights[bucket], near.heights[bucket + 1], far.heights[bucket + 1], far.heights[bucket]];
      if (heights.some((height) => height > look.flat)) {
        const height = heights.reduce((sum, part) => sum + part) / 4;
        const color = slope(look, hueOf(near), height, light(1 / last, far.v - near.v, heights));
        cells.push({ first: bucket, end: bucket + 1, paint: paintOf(color) });
      } else if (cells.at(-1)?.flat) cells.at(-1).end++;
      else cells.push({ first: bucket, end: bucket + 1, flat: true, paint: paintOf(toward(parts(look.paper), parts(hueOf(near)), 0.16)) });
    }
    const side = (bucket) => {
      const height = Math.max(near.heights[bucket], far.heights[bucket]);
      return height && paintOf(slope(look, hueOf(near), height / 2, 0.1));
    };
    return { near, far, cells, sides: [side(0), side(last)] };
  };
  return runs.map((stations) => ({
    strips: stations.slice(1).map((far, index) => strip(stations[index], far)),
    ends: [stations[0], stations.at(-1)].map((station) => ({
      station,
      paint: paintOf(slope(look, hueOf(station), 0.55, 0.45)),
      ridge: css(toward(parts(hueOf(station)), parts(look.ink), 0.3), dark),
    })),
  }));
};

// From where a surface is seen: where the unit box lies on the picture.
const projectionOf = (look, surface, view) => {
  const [along, away, up] = look.box;
  const flat = ({ azimuth, elevation }) => {
    const [sine, cosine] = [Math.sin, Math.cos].map((of) => of((azimuth * Math.PI) / 180));
    const [rise, fall] = [Math.sin, Math.cos].map((of) => of((elevation * Math.PI) / 180));
    const [across, down] = [[along * cosine, away * sine, 0], [along * sine * rise, -away * cosine * rise, -up * fall]];
    const extent = (axis) => axis.reduce((sum, part) => sum + Math.abs(part), 0);
    const middle = (axis) => axis.reduce((sum, part) => sum + part, 0) / 2;
    return { sine, cosine, axes: [across, down], extents: [across, down].map(extent), middles: [across, down].map(middle) };
  };
  const [usual, now] = [flat(look), flat(view)];
  // The box stays around the middle that it usually has, and no larger than it usually is.
  const fit = view.near * Math.min(1, ...now.extents.map((extent, axis) => usual.extents[axis] / extent));
  const [x, y] = now.axes;
  const [sx, sy] = surface.scale.map((scale) => scale * fit);
  const [ox, oy] = surface.origin.map((origin, axis) => origin + usual.middles[axis] * surface.scale[axis]);
  const place = (u, v, h) => [
    ox + (x[0] * u + x[1] * v - now.middles[0]) * sx,
    oy + (y[0] * u + y[1] * v + y[2] * h - now.middles[1]) * sy,
  ];
  return { place, nearU: now.sine > 0 ? 1 : 0, nearV: now.cosine > 0 ? 0 : 1 };
};

const polygon = (pen, points) => {
  points.forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)));
};

const drawRelief = (pen, relief, { place, nearU, nearV }) => {
  let open = {};
  const close = () => {
    if (open.fill) pen.fill();
    if (open.fill) pen.stroke();
    open = {};
  };
  const shape = (paint, points) => {
    if (open.fill !== paint.fill) {
      close();
      pen.beginPath();
      [pen.fillStyle, pen.strokeStyle] = [paint.fill, paint.edge];
      open = paint;
    }
    polygon(pen, points);
    pen.closePath();
  };
  const turn = (a, b, c) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
  // Cells that turn their lower side to the reader are covered by nearer ones.
  const cell = (paint, [a, b, c, d]) => {
    const turns = [turn(a, b, c), turn(b, c, d), turn(c, d, a), turn(d, a, b)];
    if (turns.every((turn) => turn <= 0)) return shape(paint, [a, b, c, d]);
    if (turns.every((turn) => turn >= 0)) return;
    for (const three of [[a, c, d], [a, b, c]]) if (turn(...three) <= 0) shape(paint, three);
  };
  const ordered = (list, backwards) => (backwards ? list.slice().reverse() : list);
  const ridges = new Map();
  const ridgeOf = (station) => {
    const { v, heights } = station;
    if (!ridges.has(station)) ridges.set(station, heights.map((height, bucket) => place(bucket / (heights.length - 1), v, height)));
    return ridges.get(station);
  };
  pen.lineJoin = 'bevel';
  for (const { strips, ends } of ordered(relief, !nearV)) {
    for (const { near, far, cells, sides } of ordered(strips, !nearV)) {
      const last = near.heights.length - 1;
      const [one, two] = [ridgeOf(near), ridgeOf(far)];
      for (const { first, end, flat, paint } of ordered(cells, !nearU)) {
        const ground = (bucket, { v }) => place(bucket / last, v, 0);
        if (flat) cell(paint, [ground(first, near), ground(end, near), ground(end, far), ground(first, far)]);
        else cell(paint, [one[first], one[end], two[end], two[first]]);
      }
      const side = nearU * last;
      if (sides[nearU]) shape(sides[nearU], [place(nearU, near.v, 0), one[side], two[side], place(nearU, far.v, 0)]);
    }
    const { station, paint, ridge } = ends[nearV];
    const line = ridgeOf(station);
    shape(paint, [place(0, station.v, 0), ...line, place(1, station.v, 0)]);
    close();
    pen.save();
    pen.beginPath();
    polygon(pen, line);
    pen.strokeStyle = ridge;
    pen.lineWidth = 1.8;
    pen.stroke();
    pen.restore();
  }
};

// The labels that have room beside each other: the important ones first, then an even choice.
const fitting = (runs, important, gap, others = []) => {
  const order = [...important, 0, runs.length - 1];
  for (let stride = 2 ** Math.ceil(Math.log2(runs.length || 1)); stride >= 1; stride /= 2) {
    for (let index = 0; index < runs.length; index += stride) order.push(index);
  }
  const taken = new Map();
  const grown = ([left, top, right, bottom], by) => [left - by / 2, top - by / 20, right + by / 2, bottom + by / 20];
  const meet = (one, two) => one[0] < two[2] && two[0] < one[2] && one[1] < two[3] && two[1] < one[3];
  for (const index of new Set(order)) {
    const box = runs[index] && grown(runs[index].box, gap);
    if (box && ![...taken.values()].some((other) => meet(other, box))) taken.set(index, box);
  }
  return runs.filter((run, index) => taken.has(index) && !others.some((other) => meet(other.box, run.box)));
};

const drawFrame = (pen, charts, surface, { place, nearU, nearV }, color) => {
  const [farU, farV] = [1 - nearU, 1 - nearV];
  const line = (role, width, points) => {
    pen.beginPath();
    polygon(pen, points.map((point) => place(...point)));
    pen.strokeStyle = color(role);
    pen.lineWidth = width;
    pen.stroke();
  };
  for (const [role, corners] of [
    ['paper', [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]],
    ['ground', [[farU, 0, 0], [farU, 1, 0], [farU, 1, 1], [farU, 0, 1]]],
    ['wall', [[0, farV, 0], [1, farV, 0], [1, farV, 1], [0, farV, 1]]],
  ]) {
    pen.beginPath();
    polygon(pen, corners.map((corner) => place(...corner)));
    pen.fillStyle = color(role);
    pen.fill();
  }
  for (const [h] of surface.values) line('grid', 1.5, [[farU, nearV, h], [farU, farV, h], [nearU, farV, h]]);
  line('grid', 1.8, [[farU, nearV, 0], [farU, farV, 0], [farU, farV, 1]]);
  line('grid', 1.8, [[farU, farV, 0], [nearU, farV, 0], [nearU, farV, 1]]);
  const ends = [[farU, nearV], [nearU, farV]].sort((one, two) => place(...one, 0)[0] - place(...two, 0)[0]);
  line('axis', 1.8, [[...ends[0], 1], [...ends[0], 0], [nearU, nearV, 0], [...ends[1], 0]]);
};

const drawAxes = (pen, charts, surface, { place, nearU, nearV }, color, times) => {
  const { look, histograms } = charts;
  const { labels, landmarks } = histograms[surface.histogram];
  const [cap, descent] = [0.711, 0.21];
  const family = getComputedStyle(pen.canvas).fontFamily;
  const set = (size) => (pen.font = `${size}px ${family}`);
  const run = (text, x, y, anchor) => {
    const width = pen.measureText(text).width;
    const left = x - { start: 0, end: width }[anchor];
    return { text, left, y, box: [left, y - cap * look.tick, left + width, y + descent * look.tick] };
  };
  const tick = ([x, y], [towardX, towardY], length) => {
    pen.beginPath();
    pen.moveTo(x, y);
    const distance = Math.hypot(x - towardX, y - towardY) || 1;
    const end = [x + ((x - towardX) / distance) * length, y + ((y - towardY) / distance) * length];
    pen.lineTo(...end);
    pen.stroke();
    return end;
  };
  set(look.tick);
  pen.strokeStyle = color('axis');
  pen.fillStyle = color('quiet');
  pen.lineWidth = 1.5;
  const below = (edge, inside, text) => {
    const [x, y] = tick(edge, inside, 3.5 * look.point);
    const side = edge[0] < inside[0] ? -1 : 1;
    return run(text, x + side * 2 * look.point, y + cap * look.tick * 0.75, side < 0 ? 'end' : 'start');
  };
  const last = labels.length - 1;
  const buckets = labels.map((text, bucket) => below(place(bucket / last, nearV, 0), place(bucket / last, 1 - nearV, 0), text));
  const left = [[1 - nearU, nearV], [nearU, 1 - nearV]].sort((one, two) => place(...one, 0)[0] - place(...two, 0)[0])[0];
  const values = surface.values.map(([share, text]) => {
    const [x, y] = place(...left, share);
    tick([x, y], [x + 1, y], 3 * look.point);
    return run(text, x - 5 * look.point, y + (cap * look.tick) / 2, 'end');
  });
  const moments = times.map(([share, text]) => below(place(nearU, share, 0), place(1 - nearU, share, 0), text));
  const named = fitting(buckets, landmarks, 4 * look.point);
  const shown = [...named, ...fitting(values, [], 3 * look.point, named), ...fitting(moments, [], 2 * look.point, named)];
  for (const { text, left, y } of shown) pen.fillText(text, left, y);
  set(look.label);
  const [areaLeft, , areaRight, areaBottom] = look.area;
  pen.fillText(surface.unit, areaLeft, Math.min(surface.unit_at[1], place(...left, 1)[1] - 1.6 * look.tick));
  const [corner] = place(nearU, nearV, 0);
  const title = (text, [from, to]) => {
    const width = pen.measureText(text).width;
    if (to - from > 0.7 * width) pen.fillText(text, clamped((from + to - width) / 2, areaLeft, areaRight - width), areaBottom - descent * look.label);
  };
  const sides = [[areaLeft, corner], [corner, areaRight]];
  const bucketsLeft = place(1 - nearU, nearV, 0)[0] < corner;
  title(surface.bucket_title, sides[bucketsLeft ? 0 : 1]);
  title(look.time_title, sides[bucketsLeft ? 1 : 0]);
};

// Puts a canvas in the place of each surface, by which the reader turns it.
const improveSurfaces = (root, charts, time) => {
  const keys = element(
    'p',
    { class: 'note tools', id: 'surface-keys' },
    'Drag a surface to turn it, or use its arrow keys; + and − bring it nearer and farther, 0 or a double click the usual view back.',
  );
  const drawings = [];
  const isDark = matchMedia('screen and (prefers-color-scheme: dark)');
  for (const surface of charts.surfaces) {
    const picture = root.querySelector(`[data-chart="${surface.chart}"] .beside svg`);
    const canvas = element('canvas', { class: 'surface tools', tabindex: 0, role: 'img', 'aria-describedby': 'surface-keys' });
    const pen = canvas.getContext('2d');
    if (!picture || !pen) continue;
    canvas.setAttribute('aria-label', picture.getAttribute('aria-label'));
    const usual = { azimuth: charts.look.azimuth, elevation: charts.look.elevation, near: 1 };
    const view = { ...usual };
    let relief;
    let isDue = false;
    const draw = () => {
      isDue = false;
      const { width } = canvas.getBoundingClientRect();
      if (!width) return;
      const [across, down] = charts.look.sides;
      const scale = (width * devicePixelRatio) / across;
      const sides = [across, down].map((side) => Math.round(side * scale));
      if (canvas.width !== sides[0]) [canvas.width, canvas.height] = sides;
      pen.setTransform(scale, 0, 0, scale, 0, 0);
      pen.clearRect(0, 0, across, down);
      relief ??= reliefOf(charts, surface, time, isDark.matches);
      const style = getComputedStyle(canvas);
      const color = (role) => style.getPropertyValue(`--${role}`);
      const projection = projectionOf(charts.look, surface, view);
      drawFrame(pen, charts, surface, projection, color);
      pen.lineWidth = 1.1;
      drawRelief(pen, relief, projection);
      drawAxes(pen, charts, surface, projection, color, time.ticks?.(charts.moments, 5) ?? charts.look.times);
    };
    const redraw = () => {
      if (!isDue) requestAnimationFrame(draw);
      isDue = true;
    };
    const look = (changed) => {
      Object.assign(view, changed);
      view.azimuth = ((view.azimuth % 360) + 360) % 360;
      view.elevation = clamped(view.elevation, 4, 86);
      view.near = clamped(view.near, 0.5, 4);
      redraw();
    };
    const turn = (across, down) => look({ azimuth: view.azimuth - across, elevation: view.elevation + down });
    const actions = {
      ArrowLeft: () => turn(-5, 0),
      ArrowRight: () => turn(5, 0),
      ArrowUp: () => turn(0, -5),
      ArrowDown: () => turn(0, 5),
      '+': () => look({ near: view.near * 1.2 }),
      '=': () => look({ near: view.near * 1.2 }),
      '-': () => look({ near: view.near / 1.2 }),
      0: () => look(usual),
    };
    canvas.addEventListener('keydown', (event) => {
      if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      actions[event.key]();
    });
    canvas.addEventListener('pointerdown', (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener('pointermove', (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) turn(event.movementX * 0.4, event.movementY * 0.4);
    });
    canvas.addEventListener('dblclick', () => look(usual));
    new ResizeObserver(redraw).observe(canvas);
    drawings.push(() => {
      relief = undefined;
      redraw();
    });
    picture.after(canvas);
  }
  if (!drawings.length) return;
  const redrawAll = () => drawings.forEach((redraw) => redraw());
  time.changed.push(redrawAll);
  isDark.addEventListener('change', redrawAll, time.listens);
  addEventListener('resize', redrawAll, time.listens);
  root.querySelector('#shapes .choice')?.after(keys);
};
