//! What the process had open and shared, and who was at the other ends.

use std::fmt;

use crate::base::facts::words;
use crate::base::facts::{Descriptor, DescriptorKind, Ipc, Relation};
use crate::report::model::Report;
use crate::report::render::layout::{Lines, span};
use crate::report::render::theme::Role;

/// Lines of one kind.
const MOST: usize = 40;

/// The section, with all there is when it is `asked` for, or else with what
/// bears on the verdict.
pub(super) fn ipc(report: &Report, asked: bool, lines: &mut Lines<'_>) -> fmt::Result {
    let Some(ipc) = &report.ipc else { return Ok(()) };
    let signal = report.signal.as_ref().map(|signal| signal.name.as_str());
    // As `diagnose::verdict` begins for a program that has not ended in time.
    let hangs = signal.is_none() && report.verdict.starts_with("hang in ");
    let is_about_peers = hangs || matches!(signal, Some("SIGQUIT" | "SIGPIPE"));
    let has_peers = |found: &Descriptor| {
        found.peer_state.is_some() || found.state.as_deref() == Some("listening")
    };
    let tells = |found: &&Descriptor| {
        asked || (is_about_peers && has_peers(found)) || is_of_pipeline(found)
    };
    let descriptors: Vec<&Descriptor> = ipc.descriptors.iter().filter(tells).collect();
    let objects = objects(ipc, asked);
    let channel = ipc.node_channel.as_ref().filter(|_| asked || is_about_peers);
    if descriptors.is_empty() && objects.is_empty() && channel.is_none() && !asked {
        return Ok(());
    }
    lines.end()?;
    lines.line(0, Role::Heading, "IPC:")?;
    for found in descriptors.iter().take(MOST) {
        lines.begin(2, 9)?;
        let number = format!("fd {:<3}", found.fd);
        lines.word(0, &[span(Role::Plain, &number)])?;
        lines.sentence(1, Role::Plain, &words::descriptor(found))?;
        if let Some(position) = found.position.filter(|_| found.kind == DescriptorKind::File) {
            lines.sentence(1, Role::Dim, &format!("(at byte {position})"))?;
        }
        lines.end()?;
    }
    let omitted = ipc.descriptors_omitted.unwrap_or(0);
    let more = (descriptors.len().saturating_sub(MOST) as u64).saturating_add(omitted);
    if more > 0 && (asked || descriptors.len() > MOST) {
        lines.line(2, Role::Dim, &format!("... {more} more (--format json has them)"))?;
    }
    if let Some(channel) = channel {
        lines.begin(2, 4)?;
        lines.sentence(0, Role::Plain, &words::node_channel(channel))?;
        lines.end()?;
    }
    for object in objects.iter().take(MOST) {
        lines.begin(2, 4)?;
        lines.sentence(0, Role::Plain, &object.text)?;
        lines.end()?;
        if let Some(removal) = &object.removal {
            lines.begin(4, 10)?;
            lines.sentence(0, Role::Plain, "stays behind in the kernel; remove it:")?;
            lines.word(1, &[span(Role::Hint, removal)])?;
            lines.end()?;
        }
    }
    for unknown in ipc.unknown.iter().take(MOST).filter(|_| asked || is_about_peers) {
        lines.begin(2, 4)?;
        lines.sentence(0, Role::Unknown, &format!("not known: {unknown}"))?;
        lines.end()?;
    }
    Ok(())
}

/// Whether the other end is that of another part of the same pipeline: a
/// process with the same parent, or the parent or a child itself.
fn is_of_pipeline(found: &Descriptor) -> bool {
    let kinds = [DescriptorKind::Pipe, DescriptorKind::Fifo, DescriptorKind::UnixSocket];
    let is_near = |relation| matches!(relation, Some(Relation::Sibling | Relation::Child));
    kinds.contains(&found.kind) && found.peers.iter().any(|peer| is_near(peer.relation))
}

/// Something that is no descriptor.
struct Object {
    text: String,
    removal: Option<String>,
}

/// Shared memory, semaphores and queues: all, or those that stay behind.
fn objects(ipc: &Ipc, asked: bool) -> Vec<Object> {
    let mut objects = Vec::new();
    let mut add = |text: String, removal: &Option<String>| {
        if asked || removal.is_some() {
            objects.push(Object { text, removal: removal.clone() });
        }
    };
    for found in &ipc.shared_memory {
        let mut text = words::shared_memory(found);
        if let Some(at) = &found.address {
            text += &format!(" at {at}");
        }
        if !found.peers.is_empty() {
            text += &format!(", shared with {}", words::processes(&found.peers));
        } else if let Some(attached) = found.attached {
            text += &format!(
                ", attached by {}",
                match attached {
                    1 => "this process only".to_owned(),
                    many => format!("{many} processes"),
                }
            );
        }
        add(text, &found.removal);
    }
    for found in &ipc.semaphores {
        let what = match (&found.name, found.id) {
            (Some(name), _) => format!("POSIX semaphore {name}"),
            (None, Some(id)) => format!("SysV semaphore set {id}"),
            (None, None) => "a semaphore".to_owned(),
        };
        let values: Vec<String> = found.values.iter().map(u32::to_string).collect();
        let values = match values.len() {
            0 => String::new(),
            1 => format!(", value {}", values.join("")),
            _ => format!(", values {}", values.join(" ")),
        };
        add(format!("{what}{values} ({})", found.why), &found.removal);
    }
    for found in &ipc.queues {
        let id = found.id.map(|id| format!(" {id}")).unwrap_or_default();
        let held = match found.messages {
            Some(0) => ", empty".to_owned(),
            Some(1) => ", with one message".to_owned(),
            Some(many) => format!(", with {many} messages"),
            None => String::new(),
        };
        add(format!("SysV message queue{id}{held} ({})", found.why), &found.removal);
    }
    objects
}
