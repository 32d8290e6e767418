//! Who waits for whom: a graph of the threads that wait for one another.

use std::fmt::{self, Write};

use super::text;
use crate::report::model::Report;

/// Threads of the picture.
const MOST: usize = 32;

/// The picture, when a thread waits for what another one holds.
pub(super) fn graph(report: &Report, out: &mut String) -> fmt::Result {
    let edges: Vec<(u32, u32, &str)> = report
        .threads
        .iter()
        .filter_map(|thread| {
            let waits = thread.waits_for.as_ref()?;
            Some((thread.tid, waits.held_by?, waits.text.as_str()))
        })
        .take(MOST)
        .collect();
    if edges.is_empty() {
        return Ok(());
    }
    let mut nodes: Vec<u32> = edges.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let place = |tid: u32| {
        let at = nodes.iter().position(|node| *node == tid).unwrap_or(0);
        let turn = std::f64::consts::TAU * at as f64 / nodes.len() as f64;
        let radius = if nodes.len() == 1 { 0.0 } else { 130.0 };
        (320.0 + radius * 1.6 * turn.sin(), 170.0 - radius * turn.cos())
    };
    writeln!(out, "<h2>Who waits for whom</h2>")?;
    writeln!(
        out,
        "<svg viewBox=\"0 0 640 340\" width=\"640\" role=\"img\" aria-label=\"wait graph\">\
         <defs><marker id=\"arrow\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" \
         markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0 L10 5 L0 10 z\" fill=\"#d32f2f\"/>\
         </marker></defs>"
    )?;
    for (from, to, what) in &edges {
        let (x1, y1) = place(*from);
        let (x2, y2) = place(*to);
        let length = (x2 - x1).hypot(y2 - y1).max(1.0);
        // The arrow ends at the node's edge.
        let (end_x, end_y) = (x2 - (x2 - x1) / length * 34.0, y2 - (y2 - y1) / length * 20.0);
        let path = match from == to {
            true => format!("M{x1:.0} {:.0} c -60 -50 60 -50 6 -4", y1 - 16.0),
            false => format!("M{x1:.0} {y1:.0} L{end_x:.0} {end_y:.0}"),
        };
        writeln!(
            out,
            "<path d=\"{path}\" fill=\"none\" stroke=\"#d32f2f\" marker-end=\"url(#arrow)\">\
             <title>{}</title></path>",
            text(what)
        )?;
    }
    for tid in &nodes {
        let (x, y) = place(*tid);
        let thread = report.threads.iter().find(|thread| thread.tid == *tid);
        let name = thread.and_then(|thread| thread.name.as_deref()).unwrap_or_default();
        writeln!(
            out,
            "<rect x=\"{:.0}\" y=\"{:.0}\" width=\"64\" height=\"34\" rx=\"6\" fill=\"#90caf9\" \
             stroke=\"#0005\"/><text x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\" \
             fill=\"#000\">{tid}</text><text x=\"{x:.0}\" y=\"{:.0}\" \
             text-anchor=\"middle\">{}</text>",
            x - 32.0,
            y - 17.0,
            y - 2.0,
            y + 11.0,
            text(&name.chars().take(10).collect::<String>())
        )?;
    }
    writeln!(out, "</svg>")?;
    writeln!(out, "<ul>")?;
    for (from, to, what) in &edges {
        writeln!(out, "<li>{from} waits for {}, which {to} holds</li>", text(what))?;
    }
    writeln!(out, "</ul>")
}
