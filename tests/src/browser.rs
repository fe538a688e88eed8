//! A real browser, driven over `WebDriver` (<https://www.w3.org/TR/webdriver2/>), which is JSON over HTTP: Debian's chromium by
//! its chromedriver.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A browser without a window, with a profile of its own. It ends with this value.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    session: String,
    _profile: TempDir,
}

/// Why the browser did not do what it was asked for.
pub type Trouble = Box<dyn std::error::Error>;

impl Browser {
    /// Starts a browser, with these switches besides those that every test needs.
    ///
    /// # Errors
    /// When chromedriver or chromium cannot be started.
    pub fn start(switches: &[&str]) -> Result<Self, Trouble> {
        let profile = tempfile::tempdir()?;
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut lines = BufReader::new(driver.stdout.take().ok_or("chromedriver has no output")?).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                Some(port.trim_end_matches('.').to_owned())
            })
            .ok_or("chromedriver names no port")?;
        // Whatever else it says is nobody's concern, but has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        let profile_switch = format!("--user-data-dir={}", profile.path().display());
        let usual = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-dev-shm-usage",
            &profile_switch,
        ];
        let switches: Vec<&str> = usual.into_iter().chain(switches.iter().copied()).collect();
        let mut browser = Self {
            driver,
            session: format!("http://127.0.0.1:{port}/session"),
            _profile: profile,
        };
        let started = browser.ask(
            "",
            &json!({"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": {"args": switches},
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            }}}),
        )?;
        let id = started["sessionId"].as_str().ok_or("the session has no name")?;
        browser.session = format!("{}/{id}", browser.session);
        Ok(browser)
    }

    fn ask(&self, what: &str, body: &Value) -> Result<Value, Trouble> {
        let mut answer = ureq::post(format!("{}{what}", self.session)).send_json(body)?;
        let answer: Value = answer.body_mut().with_config().limit(64 << 20).read_json()?;
        Ok(answer["value"].clone())
    }

    /// Shows the page at an address, and forgets what was logged before.
    ///
    /// # Errors
    /// When it cannot be loaded.
    pub fn open(&self, address: &str) -> Result<(), Trouble> {
        self.ask("/url", &json!({"url": "about:blank"}))?;
        self.console()?;
        self.requests()?;
        self.ask("/url", &json!({"url": address}))?;
        Ok(())
    }

    /// What an expression of JavaScript comes to in the page, by the driver and not by a script of the page.
    ///
    /// # Errors
    /// When it fails.
    pub fn value_of(&self, expression: &str) -> Result<Value, Trouble> {
        let script = format!("return ({expression})");
        self.ask("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// A command of the browser's own protocol for its developers' tools.
    ///
    /// # Errors
    /// When it fails.
    pub fn command(&self, name: &str, parameters: &Value) -> Result<Value, Trouble> {
        self.ask("/goog/cdp/execute", &json!({"cmd": name, "params": parameters}))
    }

    /// Makes the page as wide as this, whatever the window is.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn resize(&self, width: u32, height: u32) -> Result<(), Trouble> {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.command("Emulation.setDeviceMetricsOverride", &metrics)?;
        Ok(())
    }

    /// Shows the page as a medium does, `screen` or `print`, to a reader who likes it `light` or `dark`.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn show_on(&self, medium: &str, scheme: &str) -> Result<(), Trouble> {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.command(
            "Emulation.setEmulatedMedia",
            &json!({"media": medium, "features": features}),
        )?;
        Ok(())
    }

    /// Presses keys in the element that has the focus; those without a character are [`keys`](crate::keys).
    ///
    /// # Errors
    /// When there is none.
    pub fn press(&self, keys: &str) -> Result<(), Trouble> {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                [
                    json!({"type": "keyDown", "value": key}),
                    json!({"type": "keyUp", "value": key}),
                ]
            })
            .collect();
        self.act(&json!({"type": "key", "id": "keys", "actions": actions}))
    }

    /// Presses a key while another one is held down.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn press_holding(&self, held: &str, key: &str) -> Result<(), Trouble> {
        let event = |kind: &str, key: &str| json!({"type": kind, "value": key});
        let actions = [
            event("keyDown", held),
            event("keyDown", key),
            event("keyUp", key),
            event("keyUp", held),
        ];
        self.act(&json!({"type": "key", "id": "keys", "actions": actions}))
    }

    /// Moves the mouse to a place of the window, in pixels.
    ///
    /// # Errors
    /// When the place is outside of it.
    pub fn hover(&self, at: (f64, f64)) -> Result<(), Trouble> {
        self.act(&json!({"type": "pointer", "id": "mouse", "actions": [moved(at)]}))
    }

    /// Clicks twice at a place of the window.
    ///
    /// # Errors
    /// When the place is outside of it.
    pub fn double_click(&self, at: (f64, f64)) -> Result<(), Trouble> {
        let button = |kind: &str| json!({"type": kind, "button": 0});
        let click = [button("pointerDown"), button("pointerUp")];
        let actions: Vec<Value> = [moved(at)].into_iter().chain([click.clone(), click].concat()).collect();
        self.act(&json!({"type": "pointer", "id": "mouse", "actions": actions}))
    }

    /// Drags a pointer, which is a `mouse` or a `touch`, from the first of some places of the window to the others.
    ///
    /// # Errors
    /// When a place is outside of the window.
    pub fn drag(&self, pointer: &str, places: &[(f64, f64)]) -> Result<(), Trouble> {
        let mut actions: Vec<Value> = places.iter().map(|&place| moved(place)).collect();
        actions.insert(1, json!({"type": "pointerDown", "button": 0}));
        actions.push(json!({"type": "pointerUp", "button": 0}));
        self.act(&json!({"type": "pointer", "id": pointer, "parameters": {"pointerType": pointer}, "actions": actions}))
    }

    fn act(&self, source: &Value) -> Result<(), Trouble> {
        self.ask("/actions", &json!({"actions": [source]}))?;
        Ok(())
    }

    /// The page on A4 as a PDF.
    ///
    /// # Errors
    /// When it cannot be printed.
    pub fn print(&self) -> Result<Vec<u8>, Trouble> {
        let printed = self.command(
            "Page.printToPDF",
            &json!({"printBackground": true, "preferCSSPageSize": true}),
        )?;
        Ok(STANDARD.decode(printed["data"].as_str().ok_or("no page was printed")?)?)
    }

    /// What the page looks like, as a PNG of its whole length.
    ///
    /// # Errors
    /// When it cannot be taken.
    pub fn picture(&self) -> Result<Vec<u8>, Trouble> {
        let taken = self.command("Page.captureScreenshot", &json!({"captureBeyondViewport": true}))?;
        Ok(STANDARD.decode(taken["data"].as_str().ok_or("no picture was taken")?)?)
    }

    /// What stands in the console since the last time.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn console(&self) -> Result<Vec<String>, Trouble> {
        let log = self.ask("/se/log", &json!({"type": "browser"}))?;
        let entries = log.as_array().cloned().unwrap_or_default();
        Ok(entries.iter().map(|entry| entry["message"].to_string()).collect())
    }

    /// The addresses that were asked for since the last time.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn requests(&self) -> Result<Vec<String>, Trouble> {
        let log = self.ask("/se/log", &json!({"type": "performance"}))?;
        let entries = log.as_array().cloned().unwrap_or_default();
        let address = |entry: &Value| {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let event = &message["message"];
            let is_request = event["method"] == "Network.requestWillBeSent";
            is_request.then(|| event["params"]["request"]["url"].as_str().map(str::to_owned))?
        };
        Ok(entries.iter().filter_map(address).collect())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser, and a test that is over asks for no more than that.
        let _ = ureq::delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A pointer that comes to a place.
fn moved((x, y): (f64, f64)) -> Value {
    json!({"type": "pointerMove", "x": x.round(), "y": y.round(), "duration": 20})
}

/// The number of pages of a PDF that chromium wrote.
pub fn pages(pdf: &[u8]) -> usize {
    let text = String::from_utf8_lossy(pdf);
    text.match_indices("/Type /Page")
        .filter(|(at, found)| !text[at + found.len()..].starts_with('s'))
        .count()
}
