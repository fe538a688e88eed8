//! The charts of a report in its reader's browser: where they are, what they show, and what is told of them.

use serde_json::Value;

use crate::browser::{Browser, Trouble};

/// The canvas of a surface, as an expression.
pub fn surface(chart: &str) -> String {
    format!("document.querySelector('[data-chart=\"{chart}\"] canvas')")
}

/// The heat map beside a surface.
pub fn heat_map(chart: &str) -> String {
    format!("document.querySelector('[data-chart=\"{chart}\"] .beside div:last-child svg')")
}

/// The picture of a chart as wide as the page.
pub fn timeline(chart: &str) -> String {
    format!("document.querySelector('[data-chart=\"{chart}\"] .wide svg')")
}

/// Waits until the page has drawn what it was about to draw.
///
/// # Errors
/// When it does not draw.
pub fn settle(browser: &Browser) -> Result<(), Trouble> {
    let frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))";
    browser.value_of(frames)?;
    Ok(())
}

/// What a surface shows.
///
/// # Errors
/// When there is no such surface.
pub fn drawn(browser: &Browser, chart: &str) -> Result<Value, Trouble> {
    settle(browser)?;
    browser.value_of(&format!("{}.toDataURL()", surface(chart)))
}

/// Lets an element have the keys.
///
/// # Errors
/// When there is no such element.
pub fn focus(browser: &Browser, element: &str) -> Result<(), Trouble> {
    browser.value_of(&format!("{element}.focus()"))?;
    Ok(())
}

/// Brings an element into the middle of the window: its left, top, width and height there.
///
/// # Errors
/// When there is no such element.
pub fn area(browser: &Browser, element: &str) -> Result<[f64; 4], Trouble> {
    let expression = format!(
        "(element => {{ element.scrollIntoView({{block: 'center', behavior: 'instant'}}); \
         const area = element.getBoundingClientRect(); return [area.left, area.top, area.width, area.height]; }})({element})"
    );
    Ok(serde_json::from_value(browser.value_of(&expression)?)?)
}

/// A place in an area by its shares of width and height.
pub fn within([left, top, width, height]: [f64; 4], (across, down): (f64, f64)) -> (f64, f64) {
    (left + across * width, top + down * height)
}

/// The lines of the box that tells values: names and values, which are empty where there is none.
pub type Told = Vec<(String, String)>;

/// What the box tells; nothing while it is hidden.
///
/// # Errors
/// When the page has no such box.
pub fn told(browser: &Browser) -> Result<Told, Trouble> {
    let rows = "document.querySelector('.tip').hidden ? [] : Array.from(document.querySelectorAll('.tip > *')) \
                .map(row => row.children.length == 2 ? [row.children[0].textContent, row.children[1].textContent] : \
                [row.textContent, ''])";
    Ok(serde_json::from_value(browser.value_of(rows)?)?)
}

/// The number of the sample that is told of; `None` while none is.
pub fn sample_told(told: &[(String, String)]) -> Option<u64> {
    let (name, _) = told.get(1)?.0.split_once(',')?;
    name.strip_prefix("sample ")?.parse().ok()
}
