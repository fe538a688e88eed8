mod chart_job;
use chart_job::*;
use vscsi_helper::chart::*;
use vscsi_helper::config::ChartFormat;
#[test]
fn look() {
    let dir = std::path::PathBuf::from(std::env::var("CHART_OUT").unwrap());
    let n: usize = std::env::var("N").map_or(30, |n| n.parse().unwrap());
    let d: usize = std::env::var("D").map_or(2, |n| n.parse().unwrap());
    let mut series = job(
        n,
        d,
        if std::env::var("RO").is_ok() {
            Directions::ReadsOnly
        } else {
            Directions::Both
        },
    );
    if std::env::var("GAP").is_ok() {
        let n = series.samples.len();
        series.samples.drain(n / 2..n / 2 + n / 6);
    }
    let mut filtered = Filtered::of(series);
    if std::env::var("LONG").is_ok() {
        filtered.workload.provenance.vm_name =
            "a-virtual-machine-with-a-name-that-somebody-typed-in-full-length-because-they-could-ÄÖÜ-Сервер".repeat(2);
    }
    let input = filtered.input();
    let fmt = match std::env::var("F").as_deref() {
        Ok("svg") => ChartFormat::Svg,
        Ok("pdf") => ChartFormat::Pdf,
        _ => ChartFormat::Png,
    };
    let kinds: Vec<ChartKind> = match std::env::var("K") {
        Ok(k) => k.split(',').map(|k| k.parse().unwrap()).collect(),
        _ => ChartKind::all().collect(),
    };
    let mut style = Style::default();
    style.dpi = std::env::var("DPI").map_or(150, |n| n.parse().unwrap());
    if let Ok(s) = std::env::var("S") {
        let (w, h) = s.split_once('x').unwrap();
        style.width_inches = w.parse().unwrap();
        style.height_inches = h.parse().unwrap();
    }
    for p in write_all(&dir, &input, &kinds, fmt, &style).unwrap() {
        println!("{}", p.display());
    }
}
