//! Whether a page fits its reader's window and paper.

use serde_json::Value;

use crate::browser::{Browser, Trouble};

/// Widths of windows in pixels: telephones, a tablet, and screens.
const WIDTHS: [u32; 5] = [320, 360, 768, 1280, 1920];
/// A4 less its margins, in pixels.
const PAPER: (u32, u32) = (695, 1000);

/// What does not fit into windows of some width: that the page scrolls sideways, or that pictures leave their places.
///
/// # Errors
/// When the browser does not tell.
pub fn misfits(browser: &Browser) -> Result<Vec<String>, Trouble> {
    let sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    let beyond = "Array.from(document.querySelectorAll('.beside svg, .legend svg')).filter(svg => \
                  svg.getBoundingClientRect().right > innerWidth + 1).length";
    let mut misfits = Vec::new();
    for width in WIDTHS {
        browser.resize(width, 800)?;
        for (expression, what) in [(sideways, "pixels to scroll sideways"), (beyond, "pictures cut off")] {
            let number = browser.value_of(expression)?;
            if number != 0 {
                misfits.push(format!("{width} px wide: {number} {what}"));
            }
        }
    }
    Ok(misfits)
}

/// How many of the elements that a selector finds are cut off, or too flat to be read, on a page as wide as A4.
///
/// # Errors
/// When the browser does not tell.
pub fn unreadable_on_paper(browser: &Browser, selector: &str) -> Result<Value, Trouble> {
    browser.resize(PAPER.0, PAPER.1)?;
    browser.value_of(&format!(
        "Array.from(document.querySelectorAll('{selector}')).filter(element => \
         element.getBoundingClientRect().height < 20 || element.getBoundingClientRect().right > innerWidth + 1).length"
    ))
}

/// The colour below everything, as CSS computes it.
///
/// # Errors
/// When the browser does not tell.
pub fn ground(browser: &Browser) -> Result<Value, Trouble> {
    browser.value_of("getComputedStyle(document.body).backgroundColor")
}
