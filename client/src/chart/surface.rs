//! A surface over buckets and time, seen from the front right above.
//!
//! ```text
//!              far
//!            /     \          buckets run along the left front edge, time along the right one,
//!     z axis         rightmost   so that a ridge along one bucket leads away from the reader
//!            \     /
//!   buckets → near ← time
//! ```
//!
//! The projection is parallel. The cells of a height field hide each other only in one order, away from the viewer,
//! so cells painted from the far corner to the near one hide what they must (painter's algorithm, exact here).

use super::field::Field;
use super::fit::fitting;
use super::font::{self, Weight};
use super::labels::axis_number;
use super::lettering::label_at;
use super::page::Page;
use super::palette::{AXIS, FILTERED, GRID, GROUND, INK, PAPER, WALL, slope};
use super::scale::Linear;
use super::scene::{Anchor, Area, Color, Layer, Point, TextRun};
use super::slices::Slices;
use super::time_axis::{Tick, TimeAxis};

/// Angle between the bucket axis and the picture plane.
pub(super) const AZIMUTH_DEGREES: f64 = 41.0;
/// Angle between the line of sight and the ground.
pub(super) const ELEVATION_DEGREES: f64 = 33.0;
/// Lengths of the box along buckets, time and value.
pub(super) const BOX: [f64; 3] = [1.0, 1.05, 0.55];
/// Direction towards the lamp: left of the viewer, above.
pub(super) const LAMP: [f64; 3] = [-0.62, -0.28, 0.73];
/// Lines across the surface are left out where they would be closer than this, points.
const MESH_PITCH: f64 = 3.0;

/// Turns shares of the three axes into places on the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    pub(super) scale: (f64, f64),
    pub(super) origin: Point,
}

impl View {
    /// Fits the box into an area.
    fn into(area: &Area) -> Self {
        let corners = [0.0, 1.0].into_iter().flat_map(|u| {
            [0.0, 1.0]
                .into_iter()
                .flat_map(move |v| [0.0, 1.0].map(|h| flatten([u, v, h])))
        });
        let mut bounds: Option<Area> = None;
        for (x, y) in corners {
            let point = Area {
                left: x,
                top: y,
                right: x,
                bottom: y,
            };
            bounds = Some(bounds.map_or(point, |bounds| Area {
                left: bounds.left.min(x),
                top: bounds.top.min(y),
                right: bounds.right.max(x),
                bottom: bounds.bottom.max(y),
            }));
        }
        let bounds = bounds.unwrap_or(*area);
        let scale = (area.width() / bounds.width(), area.height() / bounds.height());
        Self {
            scale,
            origin: (area.left - bounds.left * scale.0, area.top - bounds.top * scale.1),
        }
    }

    /// Where a point of the unit box is: `u` along buckets, `v` along time, `h` upwards.
    fn place(&self, u: f64, v: f64, h: f64) -> Point {
        let (across, down) = flatten([u, v, h]);
        (
            self.origin.0 + across * self.scale.0,
            self.origin.1 + down * self.scale.1,
        )
    }
}

/// The parallel projection of a point of the unit box: to the right, and down.
fn flatten(point: [f64; 3]) -> Point {
    let [u, v, h] = point;
    let [along, away, up] = BOX;
    let (sine, cosine) = AZIMUTH_DEGREES.to_radians().sin_cos();
    let depth = v * away * cosine - u * along * sine;
    let (rise, fall) = ELEVATION_DEGREES.to_radians().sin_cos();
    (u * along * cosine + v * away * sine, -h * up * fall - depth * rise)
}

/// How much a facet faces the lamp, 0 to 1, from its four corners in the unit box.
fn light(corners: &[[f64; 3]; 4]) -> f64 {
    let edge = |from: [f64; 3], to: [f64; 3]| {
        let [fu, fv, fh] = from;
        let [tu, tv, th] = to;
        let [along, away, up] = BOX;
        [(tu - fu) * along, (tv - fv) * away, (th - fh) * up]
    };
    let [a, b, c, d] = *corners;
    let [px, py, pz] = edge(a, c);
    let [qx, qy, qz] = edge(b, d);
    let normal = [py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx];
    let length = normal.iter().map(|part| part * part).sum::<f64>().sqrt();
    if length <= 0.0 {
        return 1.0;
    }
    let facing: f64 = normal.iter().zip(LAMP).map(|(part, lamp)| part * lamp).sum::<f64>() / length;
    // The same facet seen from either side is lit alike, and none is black.
    (0.25 + 0.75 * facing.abs()).min(1.0)
}

/// Heights along the buckets at one moment.
struct Station {
    /// Share of the time axis.
    v: f64,
    heights: Vec<f64>,
    /// Whether the strip that begins here was kept by the filter.
    kept: bool,
}

/// What a surface is drawn from.
pub(super) struct SurfacePanel<'a> {
    pub(super) field: &'a Field,
    pub(super) slices: &'a Slices,
    pub(super) time: &'a TimeAxis,
    pub(super) hue: Color,
    pub(super) bucket_title: &'a str,
    pub(super) finish: Finish,
}

/// How finely a surface is worked out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Finish {
    /// Whether the edges of its cells are drawn as lines of their own.
    pub(super) mesh: bool,
    /// Whether cells that are seen from below are drawn, which cells nearer to the reader cover.
    pub(super) covered: bool,
    /// Cells that rise no higher, as a share of the highest there can be, are drawn flat.
    pub(super) flat_up_to: f64,
}

impl Finish {
    /// Everything there is.
    pub(super) const WHOLE: Self = Self {
        mesh: true,
        covered: true,
        flat_up_to: 0.0,
    };
    /// What is seen on a screen: a height of 0.8 % is less than a pixel.
    pub(super) const LIGHT: Self = Self {
        mesh: false,
        covered: false,
        flat_up_to: 0.008,
    };
}

/// What stands around a surface.
pub(super) struct Frame {
    pub(super) view: View,
    pub(super) axis: Linear,
    /// The labels of the ticks of values.
    pub(super) values: Vec<String>,
    pub(super) times: Vec<Tick>,
    /// Where the unit of the values stands.
    pub(super) unit_at: Point,
}

impl SurfacePanel<'_> {
    /// What stands around the surface in an area of the page.
    pub(super) fn frame(&self, area: &Area, scale: f64) -> Frame {
        let axis = Linear::up_to(self.field.maximum(), 5);
        let tick = Page::TICK * scale;
        let widest = |labels: &mut dyn Iterator<Item = &str>| {
            labels
                .map(|label| font::width(label, tick, Weight::Regular))
                .fold(0.0, f64::max)
        };
        let z_labels: Vec<String> = axis.ticks().map(|value| axis_number(value, axis.step)).collect();
        let first_buckets = self.field.labels.iter().take(2).map(String::as_str);
        let left = widest(&mut z_labels.iter().map(String::as_str).chain(first_buckets));
        let times = ticks(self.time, area, scale);
        let right = widest(&mut times.iter().map(|time| time.label.as_str()));
        let view = View::into(&Area {
            left: area.left + left + 10.0 * scale,
            top: area.top + 2.2 * tick,
            right: area.right - right - 10.0 * scale,
            bottom: area.bottom - 3.6 * tick,
        });
        // The unit reaches over the left wall, whose upper edge is as high as the surface can be there.
        let size = Page::LABEL * scale;
        let ((near_x, near_y), (far_x, far_y)) = (view.place(0.0, 0.0, 1.0), view.place(0.0, 1.0, 1.0));
        let end = area.left + font::width(self.field.unit, size, Weight::Regular);
        let along = ((end - near_x) / (far_x - near_x)).clamp(0.0, 1.0);
        let edge = near_y + along * (far_y - near_y) - font::DESCENT * size - 1.5 * scale;
        Frame {
            view,
            axis,
            values: z_labels,
            times,
            unit_at: (area.left, edge.min(near_y - 1.6 * tick)),
        }
    }

    /// Draws the panel into an area of the page.
    pub(super) fn draw(&self, page: &mut Page, area: &Area) {
        let scale = page.scale;
        let frame = self.frame(area, scale);
        let Frame { view, axis, .. } = frame;
        let mut walls = Layer::new("surface-frame");
        Self::walls(&mut walls, &view, &axis);
        page.scene.layers.push(walls);

        let mut surface = Layer::new("surface");
        for run in self.runs(&axis).iter().rev() {
            self.run(&mut surface, &view, run);
        }
        page.scene.layers.push(surface);

        let mut labels = Layer::new("surface-axes");
        let mut runs = self.bucket_axis(&mut labels, &view, scale, area);
        let values = self.value_axis(&mut labels, &frame, scale);
        runs = fitting(runs, &self.field.landmarks, 4.0 * scale);
        // The axes of values and of buckets meet in a corner, where the bucket has precedence.
        let free: Vec<TextRun> = fitting(values, &[], 3.0 * scale)
            .into_iter()
            .filter(|value| !runs.iter().any(|run| run.area().overlaps(&value.area())))
            .collect();
        runs.extend(free);
        runs.extend(fitting(
            self.time_axis(&mut labels, &view, &frame.times, scale, area),
            &[],
            2.0 * scale,
        ));
        for run in runs {
            labels.text(run);
        }
        page.scene.layers.push(labels);
    }

    fn u(&self, bucket: usize) -> f64 {
        let last = self.field.buckets().saturating_sub(1).max(1);
        bucket as f64 / last as f64
    }

    /// Unbroken stretches of time, each as its stations in order.
    fn runs(&self, axis: &Linear) -> Vec<Vec<Station>> {
        let mut runs: Vec<Vec<Station>> = Vec::new();
        let slices = &self.slices.slices;
        for (index, (slice, row)) in slices.iter().zip(&self.field.rows).enumerate() {
            let heights: Vec<f64> = row.iter().map(|&value| axis.share(value)).collect();
            let (start, end) = (self.time.share(slice.start), self.time.share(slice.end));
            let next = slices.get(index + 1).filter(|next| next.joined);
            let station = |v: f64, heights: Vec<f64>| Station {
                v,
                heights,
                kept: slice.kept,
            };
            match runs.last_mut().filter(|_| slice.joined) {
                Some(run) => {
                    // Where kept and left out meet, the colour changes at the border and not in the middle of a sample.
                    if let Some(before) = run.last()
                        && before.kept != slice.kept
                    {
                        let middle = before.heights.iter().zip(&heights).map(|(a, b)| f64::midpoint(*a, *b));
                        let middle = middle.collect();
                        run.push(station(start, middle));
                    }
                }
                None => runs.push(vec![station(start, heights.clone())]),
            }
            if let Some(run) = runs.last_mut() {
                run.push(station(f64::midpoint(start, end), heights.clone()));
                if next.is_none() {
                    run.push(station(end, heights));
                }
            }
        }
        runs
    }

    fn run(&self, layer: &mut Layer, view: &View, run: &[Station]) {
        for pair in run.windows(2).rev() {
            let [near, far] = pair else { continue };
            self.strip(layer, view, near, far);
        }
        if let Some(first) = run.first() {
            self.front(layer, view, first);
        }
    }

    /// One strip of cells between two moments, and the side wall at its right end.
    fn strip(&self, layer: &mut Layer, view: &View, near: &Station, far: &Station) {
        let hue = if near.kept { self.hue } else { FILTERED };
        let mesh = hue.toward(INK, 0.35).with_alpha(0.45);
        let (near_place, far_place) = (view.place(0.0, near.v, 0.0), view.place(0.0, far.v, 0.0));
        let across = (near_place.0 - far_place.0).hypot(near_place.1 - far_place.1) >= MESH_PITCH;
        let mut flat_from: Option<usize> = None;
        let pairs = near.heights.windows(2).zip(far.heights.windows(2));
        for (bucket, (near_pair, far_pair)) in pairs.enumerate() {
            let (&[n0, n1], &[f0, f1]) = (near_pair, far_pair) else {
                continue;
            };
            let flat = [n0, n1, f0, f1].iter().all(|height| *height <= self.finish.flat_up_to);
            if flat {
                flat_from = flat_from.or(Some(bucket));
                continue;
            }
            if let Some(from) = flat_from.take() {
                self.flat(layer, view, hue, (from, bucket), (near.v, far.v));
            }
            let (u0, u1) = (self.u(bucket), self.u(bucket + 1));
            let corners = [[u0, near.v, n0], [u1, near.v, n1], [u1, far.v, f1], [u0, far.v, f0]];
            let height = (n0 + n1 + f0 + f1) / 4.0;
            let color = slope(hue, height, light(&corners));
            let places = corners.map(|[u, v, h]| view.place(u, v, h));
            facet(layer, places, color, self.finish.covered);
            let [near_left, _, far_right, far_left] = places;
            if !self.finish.mesh {
                continue;
            }
            if across {
                layer.path(vec![near_left, far_left, far_right], mesh, 0.3);
            } else {
                layer.line(near_left, far_left, mesh, 0.3);
            }
        }
        if let Some(from) = flat_from {
            let last = near.heights.len().saturating_sub(1);
            self.flat(layer, view, hue, (from, last), (near.v, far.v));
        }
        if let (Some(&near_height), Some(&far_height)) = (near.heights.last(), far.heights.last())
            && near_height.max(far_height) > 0.0
        {
            let wall = vec![
                view.place(1.0, near.v, 0.0),
                view.place(1.0, near.v, near_height),
                view.place(1.0, far.v, far_height),
                view.place(1.0, far.v, 0.0),
            ];
            layer.polygon(wall, slope(hue, near_height.max(far_height) / 2.0, 0.1));
        }
    }

    /// Cells without any I/O, drawn as one.
    fn flat(&self, layer: &mut Layer, view: &View, hue: Color, buckets: (usize, usize), (near, far): (f64, f64)) {
        let (from, to) = (self.u(buckets.0), self.u(buckets.1));
        let places = [(from, near), (to, near), (to, far), (from, far)].map(|(u, v)| view.place(u, v, 0.0));
        layer.polygon(places.to_vec(), PAPER.toward(hue, 0.16));
    }

    /// The cut through the surface at the near end of a run.
    fn front(&self, layer: &mut Layer, view: &View, station: &Station) {
        let hue = if station.kept { self.hue } else { FILTERED };
        let ridge: Vec<Point> = station
            .heights
            .iter()
            .enumerate()
            .map(|(bucket, &height)| view.place(self.u(bucket), station.v, height))
            .collect();
        let mut wall = vec![view.place(0.0, station.v, 0.0)];
        wall.extend(&ridge);
        wall.push(view.place(1.0, station.v, 0.0));
        layer.polygon(wall, slope(hue, 0.55, 0.45));
        layer.path(ridge, hue.toward(INK, 0.3), 0.6);
    }

    /// Floor, back walls and their grid.
    fn walls(layer: &mut Layer, view: &View, axis: &Linear) {
        let place = |(u, v, h): (f64, f64, f64)| view.place(u, v, h);
        let floor = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, 0.0), (0.0, 1.0, 0.0)];
        let left = [(0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, 1.0), (0.0, 0.0, 1.0)];
        let back = [(0.0, 1.0, 0.0), (1.0, 1.0, 0.0), (1.0, 1.0, 1.0), (0.0, 1.0, 1.0)];
        layer.polygon(floor.map(place).to_vec(), PAPER);
        layer.polygon(left.map(place).to_vec(), GROUND);
        layer.polygon(back.map(place).to_vec(), WALL);
        for value in axis.ticks() {
            let h = axis.share(value);
            let line = [(0.0, 0.0, h), (0.0, 1.0, h), (1.0, 1.0, h)];
            layer.path(line.map(place).to_vec(), GRID, 0.5);
        }
        let edges = [
            [(0.0, 0.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, 0.0)],
            [(0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, 1.0), (0.0, 1.0, 0.0)],
            [(0.0, 1.0, 0.0), (1.0, 1.0, 0.0), (1.0, 1.0, 1.0), (1.0, 1.0, 0.0)],
        ];
        for (index, edge) in edges.into_iter().enumerate() {
            let color = if index == 0 { AXIS } else { GRID };
            layer.path(edge.map(place).to_vec(), color, 0.6);
        }
    }

    fn value_axis(&self, layer: &mut Layer, frame: &Frame, scale: f64) -> Vec<TextRun> {
        let size = Page::TICK * scale;
        let unit = label_at(self.field.unit, frame.unit_at, Page::LABEL * scale, Anchor::Start);
        layer.text(unit);
        let run = |(value, label): (f64, &String)| {
            let (x, y) = frame.view.place(0.0, 0.0, frame.axis.share(value));
            layer.line((x - 3.0 * scale, y), (x, y), AXIS, 0.6);
            let at = (x - 5.0 * scale, y + font::CAP_HEIGHT * size / 2.0);
            label_at(label, at, size, Anchor::End)
        };
        frame.axis.ticks().zip(&frame.values).map(run).collect()
    }

    fn bucket_axis(&self, layer: &mut Layer, view: &View, scale: f64, area: &Area) -> Vec<TextRun> {
        let size = Page::TICK * scale;
        let mut runs = Vec::new();
        for (bucket, label) in self.field.labels.iter().enumerate() {
            let edge = view.place(self.u(bucket), 0.0, 0.0);
            let end = outward(edge, view.place(self.u(bucket), 1.0, 0.0), 3.5 * scale);
            layer.line(edge, end, AXIS, 0.5);
            let at = (end.0 - 2.0 * scale, end.1 + font::CAP_HEIGHT * size * 0.75);
            runs.push(label_at(label, at, size, Anchor::End));
        }
        let (corner, _) = view.place(1.0, 0.0, 0.0);
        Self::axis_title(layer, self.bucket_title, (area.left, corner), area, scale);
        runs
    }

    /// A title under one of the two lower edges, which meet at the near corner.
    fn axis_title(layer: &mut Layer, title: &str, (left, right): (f64, f64), area: &Area, scale: f64) {
        let size = Page::LABEL * scale;
        let title = font::ellipsis(title, size, Weight::Regular, right - left - 8.0 * scale);
        let at = (f64::midpoint(left, right), area.bottom - font::DESCENT * size);
        layer.text(label_at(&title, at, size, Anchor::Middle));
    }

    fn time_axis(&self, layer: &mut Layer, view: &View, ticks: &[Tick], scale: f64, area: &Area) -> Vec<TextRun> {
        let size = Page::TICK * scale;
        let mut runs = Vec::new();
        for tick in ticks {
            let v = self.time.share(tick.at);
            let edge = view.place(1.0, v, 0.0);
            let end = outward(edge, view.place(0.0, v, 0.0), 3.5 * scale);
            layer.line(edge, end, AXIS, 0.5);
            let at = (end.0 + 2.0 * scale, end.1 + font::CAP_HEIGHT * size * 0.75);
            runs.push(label_at(&tick.label, at, size, Anchor::Start));
        }
        let (corner, _) = view.place(1.0, 0.0, 0.0);
        Self::axis_title(layer, &self.time.title(ticks), (corner, area.right), area, scale);
        runs
    }
}

/// The ticks of time that the right edge has room for.
pub(super) fn ticks(time: &TimeAxis, area: &Area, scale: f64) -> Vec<Tick> {
    let size = Page::TICK * scale;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few labels")]
    let most = (area.height() * 0.4 / (2.2 * size)) as usize;
    time.ticks(most.clamp(2, 8))
}

/// A cell. Where its four corners do not span a simple figure it is drawn as two triangles. Those that turn their lower side
/// to the reader are left out unless `covered` ones are wanted.
fn facet(layer: &mut Layer, places: [Point; 4], color: Color, covered: bool) {
    let [a, b, c, d] = places;
    let turns = [turn(a, b, c), turn(b, c, d), turn(c, d, a), turn(d, a, b)];
    let convex = turns.iter().all(|turn| *turn >= 0.0) || turns.iter().all(|turn| *turn <= 0.0);
    let figures = if convex {
        vec![places.to_vec()]
    } else {
        vec![vec![a, c, d], vec![a, b, c]]
    };
    for figure in figures {
        let from_above = match figure.as_slice() {
            [first, second, third] => turn(*first, *second, *third) <= 0.0,
            _ => turns.iter().all(|turn| *turn <= 0.0),
        };
        if covered || from_above {
            layer.polygon(figure, color);
        }
    }
}

/// Which way a line that goes from one place to another and on to a third one turns: below 0 to the left.
fn turn(from: Point, to: Point, on: Point) -> f64 {
    (to.0 - from.0) * (on.1 - from.1) - (to.1 - from.1) * (on.0 - from.0)
}

/// The point `length` beyond `edge`, seen from `inside`.
fn outward(edge: Point, inside: Point, length: f64) -> Point {
    let (dx, dy) = (edge.0 - inside.0, edge.1 - inside.1);
    let distance = dx.hypot(dy);
    if distance <= 0.0 {
        return edge;
    }
    (edge.0 + dx / distance * length, edge.1 + dy / distance * length)
}
