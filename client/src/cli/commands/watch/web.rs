//! The view in a browser: a server for this machine alone.

use std::io;
use std::sync::mpsc::Receiver;

use serde_json::json;
use tiny_http::{Header, Method, Request, Response, Server};

use super::{CannotWatch, LISTEN, News, take_in};
use crate::cli::{CliError, Env, Outcome};
use crate::interrupt::{Deferred, Interruption};
use crate::watch::{Answer, Asked, Door, View, answer};

/// Fields of every answer: nobody keeps it, frames it, or takes it for something else.
const FIELDS: [(&str, &str); 4] = [
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
];

/// Answers a browser until Ctrl-C.
pub(super) fn serve(view: &mut View, news: &Receiver<News>, env: &Env) -> Result<Outcome, CliError> {
    let server = Server::http("127.0.0.1:0").map_err(CannotWatch::Web)?;
    let port = server.server_addr().to_ip().map_or(0, |address| address.port());
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| CannotWatch::Web(error.to_string().into()))?;
    let door = Door::new(port, &random);
    let deferred = Deferred::begin().map_err(CannotWatch::Terminal)?;
    if env.json {
        env.print_json_line(&json!({"address": door.address()}))?;
    } else {
        env.print(format_args!("Open {} in a browser on this machine.", door.address()))?;
        env.note("The part behind the # is the key to it. Ctrl-C ends the view; the jobs run on.");
    }
    loop {
        match deferred.check() {
            Err(Interruption::Interrupted) => return Ok(Outcome::Done),
            ended => ended?,
        }
        view.tick(env.clock.now());
        take_in(view, news)?;
        if let Some(request) = server
            .recv_timeout(LISTEN)
            .map_err(|error| CannotWatch::Web(error.into()))?
        {
            let answer = answer(&door, view, &asked(&request));
            // A browser that went away has nothing to be told.
            let _ = respond(request, &answer);
        }
    }
}

fn asked(request: &Request) -> Asked<'_> {
    let field = |name: &'static str| {
        let mut found = request.headers().iter().filter(move |header| header.field.equiv(name));
        let first = found.next().map(|header| header.value.as_str());
        first.filter(|_| found.next().is_none())
    };
    Asked {
        is_get: *request.method() == Method::Get,
        path: request.url().split_once('?').map_or(request.url(), |(path, _)| path),
        host: field("Host"),
        authorization: field("Authorization"),
    }
}

fn respond(request: Request, answer: &Answer) -> io::Result<()> {
    let mut response = Response::from_string(answer.body.as_str()).with_status_code(answer.status);
    let fields = FIELDS.into_iter().chain([("Content-Type", answer.media_type)]);
    for header in fields.filter_map(|(name, value)| Header::from_bytes(name, value).ok()) {
        response.add_header(header);
    }
    request.respond(response)
}
