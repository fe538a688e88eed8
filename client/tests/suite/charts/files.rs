//! Charts as files: what a viewer, a printer and a search tool find in them.

use std::collections::HashMap;
use std::io::Read as _;

use vscsi_helper::chart::{ChartFormat, ChartKind, Style, Surface, render, write_all};
use vscsi_shared::histogram::Operation;

use crate::support::chart_job::{Directions, Filtered, job};

const SEEK: ChartKind = ChartKind::Surface(Surface::Seek, Operation::All);

fn small_job() -> Filtered {
    Filtered::of(job(12, 2, Directions::Both))
}

fn bytes(job: &Filtered, kind: ChartKind, format: ChartFormat) -> Vec<u8> {
    let style = Style {
        dpi: 60,
        ..Style::default()
    };
    render(&job.input(), kind, format, &style).unwrap()
}

fn png_info(bytes: &[u8]) -> png::Info<'static> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    reader.finish().unwrap();
    reader.info().clone()
}

#[test]
fn a_png_has_the_pixels_and_the_resolution_of_its_style() {
    let job = small_job();
    let style = Style {
        width_inches: 8.0,
        height_inches: 4.5,
        dpi: 100,
    };
    let bytes = render(&job.input(), SEEK, ChartFormat::Png, &style).unwrap();
    let info = png_info(&bytes);
    assert_eq!((info.width, info.height), (800, 450));
    // 100 dots per inch of 0.0254 m are 3937 per metre.
    let resolution = info.pixel_dims.unwrap();
    assert_eq!(
        (resolution.xppu, resolution.yppu, resolution.unit),
        (3937, 3937, png::Unit::Meter)
    );
}

#[test]
fn the_default_is_300_dpi() {
    assert_eq!(Style::default().dpi, 300);
}

#[test]
fn a_png_says_inside_what_it_shows() {
    let info = png_info(&bytes(&small_job(), SEEK, ChartFormat::Png));
    let texts: HashMap<String, String> = info
        .utf8_text
        .iter()
        .map(|chunk| (chunk.keyword.clone(), chunk.get_text().unwrap()))
        .collect();
    assert_eq!(texts["Job"], "sql-peak");
    assert_eq!(texts["Chart"], "seek-3d");
    assert_eq!(texts["VM"], "SQL-Server-01");
    assert_eq!(texts["Filter"], "percentile (75th)");
    assert_eq!(texts["Samples"], "9 of 12 samples kept");
    assert_eq!(texts["Period"], "2025-11-06 08:30:30 to 08:42:30 UTC");
    assert!(texts["Software"].starts_with("vscsi-helper "));
}

#[test]
fn a_png_is_drawn_on_white_and_holds_the_blue_of_all_commands() {
    let bytes = bytes(&small_job(), ChartKind::IopsTimeline, ChartFormat::Png);
    let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    assert_eq!(pixels[..3], [255, 255, 255]);
    let blue = pixels
        .chunks_exact(3)
        .filter(|pixel| *pixel == [0x1f, 0x63, 0xad])
        .count();
    assert!(blue > 20, "{blue}");
}

#[test]
fn an_svg_is_well_formed_and_has_its_texts_as_texts() {
    let bytes = bytes(&small_job(), SEEK, ChartFormat::Svg);
    let text = String::from_utf8(bytes).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let texts: Vec<&str> = document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .filter_map(|node| node.text())
        .collect();
    for label in [
        "Seek distance over time: all commands",
        "+1",
        "−64",
        ">500k",
        "I/Os per second",
        "08:36",
        "08:40",
    ] {
        assert!(texts.contains(&label), "{label}");
    }
}

#[test]
fn an_svg_has_a_group_for_the_surface_and_one_for_the_heat_map() {
    let bytes = bytes(&small_job(), SEEK, ChartFormat::Svg);
    let text = String::from_utf8(bytes).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let group = |class: &str| {
        document
            .descendants()
            .find(|node| node.attribute("class") == Some(class))
            .unwrap()
    };
    let children = |class: &str, tag: &str| group(class).children().filter(|node| node.has_tag_name(tag)).count();
    assert!(children("surface", "polygon") > 100);
    assert!(children("heatmap", "rect") > 12 * 10);
    assert!(children("surface-axes", "text") > 15);
}

#[test]
fn an_svg_carries_its_fonts() {
    let text = String::from_utf8(bytes(&small_job(), SEEK, ChartFormat::Svg)).unwrap();
    assert_eq!(text.matches("@font-face{font-family:\"Roboto\"").count(), 2);
    // Base64 of `wOF2`, with which every WOFF2 file begins.
    assert_eq!(text.matches("data:font/woff2;base64,d09GM").count(), 2);
}

#[test]
fn an_svg_says_inside_what_it_shows_whatever_the_names_are() {
    let mut job = small_job();
    job.workload.provenance.vm_name = "<SQL> & \"Sons\"\u{1}".to_owned();
    let text = String::from_utf8(bytes(&job, SEEK, ChartFormat::Svg)).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let described: Vec<&str> = document
        .descendants()
        .filter(|node| node.tag_name().name() == "description")
        .filter_map(|node| node.text())
        .collect();
    assert!(described.contains(&"VM: <SQL> & \"Sons\"\u{fffd}"), "{described:?}");
    assert!(described.contains(&"Job: sql-peak"));
}

/// The streams of a PDF, inflated.
fn streams(pdf: &[u8]) -> Vec<Vec<u8>> {
    let find = |from: usize, needle: &[u8]| {
        let position = pdf[from..].windows(needle.len()).position(|window| window == needle)?;
        Some(from + position)
    };
    let mut streams = Vec::new();
    let mut from = 0;
    while let Some(begin) = find(from, b"\nstream\n") {
        let begin = begin + b"\nstream\n".len();
        let end = find(begin, b"\nendstream").unwrap();
        let raw = &pdf[begin..end];
        let mut inflated = Vec::new();
        let whole = flate2::read::ZlibDecoder::new(raw).read_to_end(&mut inflated).is_ok();
        streams.push(if whole { inflated } else { raw.to_vec() });
        from = end;
    }
    streams
}

/// Glyphs and characters of a `ToUnicode` map: lines such as `<0024> <0041>`.
fn meaning(map: &str) -> HashMap<u16, char> {
    map.lines()
        .filter_map(|line| {
            let (glyph, character) = line.strip_prefix('<')?.strip_suffix('>')?.split_once("> <")?;
            let code = u32::from_str_radix(character, 16).ok()?;
            Some((u16::from_str_radix(glyph, 16).ok()?, char::from_u32(code)?))
        })
        .collect()
}

#[test]
fn a_pdf_has_its_texts_as_texts_in_a_font_of_its_own() {
    let pdf = bytes(&small_job(), SEEK, ChartFormat::Pdf);
    let streams = streams(&pdf);
    let maps: Vec<HashMap<u16, char>> = streams
        .iter()
        .filter_map(|stream| std::str::from_utf8(stream).ok())
        .filter(|text| text.contains("begincmap"))
        .map(meaning)
        .collect();
    assert_eq!(maps.len(), 2, "regular and medium weight");
    let readable = |character: char| maps.iter().any(|map| map.values().any(|meant| *meant == character));
    for character in "Seekdistance+1−≤08:35".chars() {
        assert!(readable(character), "{character}");
    }
    // TrueType files begin with version 1.0.
    let fonts = streams.iter().filter(|stream| stream.starts_with(&[0, 1, 0, 0, 0]));
    assert_eq!(fonts.count(), 2);
    let content = streams
        .iter()
        .find(|stream| stream.windows(3).any(|window| window == b" Tj"))
        .unwrap();
    assert!(content.windows(3).filter(|window| window == b" Tj").count() > 60);
}

#[test]
fn a_pdf_says_inside_what_it_shows() {
    let pdf = bytes(&small_job(), SEEK, ChartFormat::Pdf);
    let text = String::from_utf8_lossy(&pdf);
    for entry in [
        "/Title (Seek distance over time: all commands (sql-peak))",
        "/Job (sql-peak)",
        "/VM (SQL-Server-01)",
    ] {
        assert!(text.contains(entry), "{entry}");
    }
    assert!(text.contains("/MediaBox [0 0 720 405]"));
}

#[test]
fn the_same_job_gives_the_same_bytes() {
    for format in [ChartFormat::Png, ChartFormat::Svg, ChartFormat::Pdf] {
        assert!(
            bytes(&small_job(), SEEK, format) == bytes(&small_job(), SEEK, format),
            "{format:?}"
        );
    }
}

#[test]
fn every_chart_is_made_in_every_format() {
    let job = Filtered::of(job(3, 1, Directions::Both));
    for kind in ChartKind::all() {
        assert!(bytes(&job, kind, ChartFormat::Png).starts_with(b"\x89PNG"), "{kind}");
        assert!(bytes(&job, kind, ChartFormat::Svg).starts_with(b"<svg"), "{kind}");
        assert!(bytes(&job, kind, ChartFormat::Pdf).starts_with(b"%PDF"), "{kind}");
    }
}

#[test]
fn files_are_named_for_their_charts_and_replaced_as_a_whole() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("visualizations");
    let job = small_job();
    let kinds = [SEEK, ChartKind::IopsTimeline];
    let style = Style::default();
    for _ in 0..2 {
        let paths = write_all(&place, &job.input(), &kinds, ChartFormat::Svg, &style).unwrap();
        assert_eq!(paths, [place.join("seek-3d.svg"), place.join("iops-timeline.svg")]);
    }
    // No half-written file stays behind.
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 2);
}

#[test]
fn a_directory_that_cannot_be_made_is_named_in_the_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("taken");
    std::fs::write(&file, "").unwrap();
    let error = write_all(
        &file.join("charts"),
        &small_job().input(),
        &[SEEK],
        ChartFormat::Svg,
        &Style::default(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("taken"), "{error}");
}
