//! The address space as a picture: regions to scale, gaps between them cut
//! short, the fault's address and the stack pointer marked.

use std::fmt::{self, Write};

use super::text;
use crate::report::model::{Mapping, Report};

/// Regions of the picture; the smallest ones of more are left out.
const MOST: usize = 120;

/// What all regions together take, in units of the picture.
const HEIGHT: f64 = 480.0;

/// Each region can be seen, and its name read.
const SMALLEST: f64 = 14.0;

/// A cut gap.
const GAP: f64 = 8.0;

/// One region: neighboring mappings of one file or purpose.
#[derive(Clone, Debug)]
struct Region<'r> {
    start: u64,
    end: u64,
    name: &'r str,
    permissions: String,
}

/// The picture, when the mappings are known.
pub(super) fn map(report: &Report, out: &mut String) -> fmt::Result {
    let regions = regions(&report.mappings);
    if regions.is_empty() {
        return Ok(());
    }
    let crashed = report.threads.iter().find(|it| it.crashed).or(report.threads.first());
    let registers = crashed.and_then(|thread| thread.registers.as_ref());
    let stack = registers.and_then(|registers| {
        let word = registers.general.get("rsp").or(registers.general.get("sp"))?;
        u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
    });
    let fault = report.signal.as_ref().and_then(|signal| signal.address).map(|at| at.0);
    let total: f64 = regions.iter().map(|region| (region.end - region.start) as f64).sum();
    let mut places = Vec::new();
    let mut y = 16.0;
    for (at, region) in regions.iter().enumerate() {
        let is_apart = at > 0 && regions.get(at - 1).is_some_and(|last| last.end < region.start);
        if is_apart {
            y += GAP;
        }
        let share = (region.end - region.start) as f64 / total.max(1.0);
        let height = (share * HEIGHT).max(SMALLEST);
        places.push((y, height));
        y += height;
    }
    writeln!(out, "<h2>Memory</h2>")?;
    writeln!(
        out,
        "<svg viewBox=\"0 0 760 {:.0}\" width=\"760\" role=\"img\" aria-label=\"memory map\">",
        y + 24.0
    )?;
    for (region, (top, height)) in regions.iter().zip(&places) {
        let color = match region.permissions.as_str() {
            it if it.contains('x') => "#7986cb",
            it if it.contains('w') => "#81c784",
            it if it.contains('r') => "#bdbdbd",
            _ => "#e57373",
        };
        writeln!(
            out,
            "<rect x=\"150\" y=\"{top:.1}\" width=\"120\" height=\"{:.1}\" fill=\"{color}\" \
             stroke=\"#0005\"><title>{:#x}-{:#x} {}</title></rect>\
             <text x=\"144\" y=\"{:.1}\" text-anchor=\"end\">{:#x}</text>\
             <text x=\"278\" y=\"{:.1}\">{} {}</text>",
            height - 1.0,
            region.start,
            region.end,
            text(region.name),
            top + 11.0,
            region.start,
            top + 11.0,
            text(&region.permissions),
            text(&shortened(region.name))
        )?;
    }
    for (at, what, color) in [(fault, "fault", "#d32f2f"), (stack, "stack pointer", "#1976d2")] {
        let Some(at) = at else { continue };
        let y = place(&regions, &places, at);
        writeln!(
            out,
            "<path d=\"M150 {y:.1} H 560\" stroke=\"{color}\" stroke-width=\"2\" \
             stroke-dasharray=\"4 2\"/><text x=\"566\" y=\"{:.1}\">{what} {at:#x}</text>",
            y + 4.0
        )?;
    }
    writeln!(out, "</svg>")
}

fn regions(mappings: &[Mapping]) -> Vec<Region<'_>> {
    let mut regions: Vec<Region<'_>> = Vec::new();
    for mapping in mappings.iter().filter(|mapping| mapping.end > mapping.start) {
        let name = mapping.path.as_deref().unwrap_or("anonymous");
        let permissions = mapping.permissions.clone().unwrap_or_else(|| "???".to_owned());
        match regions.last_mut() {
            Some(last)
                if last.end == mapping.start.0
                    && last.name == name
                    && last.permissions == permissions =>
            {
                last.end = mapping.end.0;
            }
            Some(last) if mapping.start.0 < last.end => (),
            _ => regions.push(Region {
                start: mapping.start.0,
                end: mapping.end.0,
                name,
                permissions,
            }),
        }
    }
    if regions.len() > MOST {
        let mut sizes: Vec<u64> = regions.iter().map(|region| region.end - region.start).collect();
        sizes.sort_unstable_by(|one, other| other.cmp(one));
        let smallest = sizes.get(MOST - 1).copied().unwrap_or(0);
        regions.retain(|region| region.end - region.start >= smallest);
        regions.truncate(MOST);
    }
    regions
}

/// Where an address is in the picture: within its region, or in a gap.
fn place(regions: &[Region<'_>], places: &[(f64, f64)], at: u64) -> f64 {
    let mut below = 10.0;
    for (region, (top, height)) in regions.iter().zip(places) {
        if at < region.start {
            return top - 3.0;
        }
        if at < region.end {
            let share = (at - region.start) as f64 / (region.end - region.start) as f64;
            return top + height * share;
        }
        below = top + height + 5.0;
    }
    below
}

fn shortened(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    name.chars().take(40).collect()
}
