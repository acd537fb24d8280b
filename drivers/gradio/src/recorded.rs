//! Every generation on its recorded transcripts.

use crate::{
    config::{Config, Protocol},
    course::{Course, Ending, Step},
    file::RemoteFile,
    message::{Message, Said},
};
use std::{collections::BTreeMap, fs, path::PathBuf};

pub(crate) fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name)
}

pub(crate) fn text(app: &str, name: &str) -> String {
    let path = folder(app).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn config(app: &str) -> Config {
    Config::read(text(app, "config.json").as_bytes()).unwrap().unwrap()
}

/// What the server said, in its order: `< …` over a socket, `data: …` in a stream.
fn messages(recorded: &str) -> Vec<Message> {
    let data = recorded.lines().filter_map(|line| {
        let said = line.split_once("] ").filter(|_| line.starts_with('[')).map_or(line, |(_, said)| said);
        said.strip_prefix("< ").or_else(|| said.strip_prefix("data: "))
    });
    data.map(|data| Message::read(data).unwrap_or_else(|error| panic!("{error}: {data}"))).collect()
}

/// What comes of the call in a transcript of one call.
fn steps(app: &str, name: &str) -> Vec<Step> {
    let messages = messages(&text(app, name));
    let has_sessions = config(app).protocol.has_sessions();
    let event = messages.iter().find_map(|message| message.event.clone()).filter(|_| has_sessions);
    let course = event.map_or_else(Course::alone, |event| Course::of(&event));
    let mut steps = Vec::new();
    for message in messages {
        if let Some(step) = course.take(message) {
            let is_over = matches!(step, Step::Over(_));
            steps.push(step);
            if is_over {
                return steps;
            }
        }
    }
    steps.push(course.cut());
    steps
}

fn ending(app: &str, name: &str) -> Ending {
    match steps(app, name).pop() {
        Some(Step::Over(ending)) => ending,
        other => panic!("{app}/{name} ends with {other:?}"),
    }
}

const APPS: [(&str, Protocol, &str); 10] = [
    ("gradio-3.14.0", Protocol::WebSocket, ""),
    ("gradio-3.34.0", Protocol::WebSocket, ""),
    ("gradio-3.50.2", Protocol::WebSocket, ""),
    ("gradio-4.0.2", Protocol::Sse, ""),
    ("gradio-4.12.0", Protocol::SseV1, ""),
    ("gradio-4.19.2", Protocol::SseV2, ""),
    ("gradio-4.21.0", Protocol::SseV21, ""),
    ("gradio-4.44.1", Protocol::SseV3, ""),
    ("gradio-5.50.0", Protocol::SseV3, "/gradio_api"),
    ("gradio-6.31.0", Protocol::SseV3, "/gradio_api"),
];

#[test]
fn every_config_is_read() {
    for (app, protocol, prefix) in APPS {
        let config = config(app);
        assert_eq!((&config.protocol, config.prefix.as_str()), (&protocol, prefix), "{app}");
        assert_eq!(config.version.as_deref(), app.strip_prefix("gradio-"));
        assert_eq!(config.to_string(), "a Gradio app titled \"Mimic Generator\"");
        assert_eq!(
            config.app_id.is_some(),
            !app.starts_with("gradio-3.14") && !app.starts_with("gradio-3.34"),
            "{app}"
        );
        assert_eq!(config.takes_uploads, app != "gradio-3.14.0");
        assert_eq!(config.functions.len(), 10);
        let generate = config.function("generate").unwrap();
        assert_eq!((generate.index, generate.inputs.as_slice()), (0, [3, 4, 5, 6].as_slice()));
        let generator = config.function("generate_gen").unwrap().is_generator;
        assert_eq!(generator, (app != "gradio-3.14.0").then_some(true), "{app}");
        let prompt = config.component(3).unwrap();
        assert_eq!((prompt.kind.as_str(), prompt.elem_id.as_deref()), ("textbox", Some("prompt-in")));
        assert_eq!(prompt.label.as_deref(), Some("Prompt"));
    }
}

#[test]
fn a_result_is_complete_in_every_generation() {
    for (app, ..) in APPS {
        for name in ["generate.txt", "generate_gen.txt"] {
            if !folder(app).join(name).exists() {
                continue;
            }
            let steps = steps(app, name);
            let Some(Step::Over(Ending::Done(values))) = steps.last() else { panic!("{app}/{name}: {steps:?}") };
            let files: Vec<RemoteFile> = values.iter().flat_map(RemoteFile::find).collect();
            let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
            assert_eq!(files.len(), 3, "{app}/{name}: {names:?}");
            assert!(names[0].starts_with("clip_") && names[0].ends_with(".mp4"), "{app}: {names:?}");
            assert!(names[1].starts_with("sound") && names[1].ends_with(".wav"), "{app}: {names:?}");
            assert!(files.iter().all(|file| file.path.starts_with("/srv/")), "{app}");
            assert!(values[3].as_str().is_some_and(|text| text.starts_with("Done")), "{app}: {values:?}");
            assert!(steps.contains(&Step::Started), "{app}/{name}");
            assert!(matches!(steps[0], Step::Queued { place: 0, .. }), "{app}/{name}: {:?}", steps[0]);
        }
    }
}

#[test]
fn progress_is_told_where_there_is_any() {
    for (app, ..) in APPS {
        let steps = steps(app, "generate.txt");
        let progress: Vec<_> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Progress(progress) => Some((progress.step, progress.total, progress.detail.as_str())),
                _ => None,
            })
            .collect();
        if app == "gradio-3.14.0" {
            assert_eq!(progress, []);
            continue;
        }
        assert_eq!(progress[0], (0.0, 1.0, "Loading model"), "{app}");
        assert!(
            progress[1..].iter().all(|(step, total, detail)| {
                *step >= 1.0 && step <= total && *total >= 2.0 && *detail == "Denoising"
            }),
            "{app}: {progress:?}"
        );
    }
}

#[test]
fn data_is_sent_when_it_is_asked_for() {
    for (app, protocol, _) in APPS {
        let steps = steps(app, "generate.txt");
        let asks = matches!(protocol, Protocol::WebSocket | Protocol::Sse);
        let place = steps.iter().position(|step| *step == Step::Wanted);
        assert_eq!(place.is_some(), asks, "{app}");
        if let Some(place) = place {
            assert!(steps[..place].iter().all(|step| matches!(step, Step::Queued { .. })), "{app}");
            assert_eq!(steps[place + 1], Step::Started, "{app}");
        }
    }
}

#[test]
fn errors_are_told_without_pythons_quotes() {
    for (app, ..) in APPS {
        let said = "CUDA out of memory: tried to allocate 20 GiB".to_owned();
        assert_eq!(ending(app, "fail.txt"), Ending::Failed(Some(said)), "{app}");
        for name in ["crash.txt", "too_few.txt", "convert_foreign_path.txt"] {
            if folder(app).join(name).exists() {
                assert_eq!(ending(app, name), Ending::Failed(None), "{app}/{name}");
            }
        }
        if folder(app).join("crash_show_error.txt").exists() {
            assert_eq!(
                ending(app, "crash_show_error.txt"),
                Ending::Failed(Some("internal detail".to_owned())),
                "{app}"
            );
        }
    }
}

#[test]
fn logs_are_told_with_their_level() {
    for (app, protocol, _) in APPS {
        if !folder(app).join("warn.txt").exists() {
            continue;
        }
        let steps = steps(app, "warn.txt");
        let logs: Vec<String> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Log(log) => Some(log.in_words()),
                _ => None,
            })
            .collect();
        // 3.14 and 3.34 have no such messages.
        if protocol == Protocol::WebSocket && app != "gradio-3.50.2" {
            assert_eq!(logs, [""; 0], "{app}");
        } else {
            assert_eq!(logs, ["model will be downloaded", "warning: low VRAM"], "{app}");
        }
    }
}

#[test]
fn a_place_in_the_queue_is_told_as_it_changes() {
    for (app, ..) in APPS {
        if !folder(app).join("queued_2.txt").exists() {
            continue;
        }
        let steps = steps(app, "queued_2.txt");
        let places: Vec<u32> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Queued { place, .. } => Some(*place),
                _ => None,
            })
            .collect();
        assert!(places.len() > 1 && places.is_sorted_by(|a, b| a >= b), "{app}: {places:?}");
        assert!(matches!(steps.last(), Some(Step::Over(Ending::Done(_)))), "{app}");
    }
}

#[test]
fn a_cancelled_call_looks_like_success_and_is_none() {
    for app in ["gradio-4.44.1", "gradio-5.50.0", "gradio-6.31.0"] {
        for name in ["cancel_queued.txt", "cancel_running_generate.txt", "cancel_running_generate_gen.txt"] {
            assert_eq!(ending(app, name), Ending::Cancelled, "{app}/{name}");
        }
    }
}

#[test]
fn what_breaks_off_is_lost_and_no_result() {
    for (app, ..) in APPS {
        for name in ["sigterm_stream.txt", "unknown_session.txt", "reconnect_same_session.txt", "bad_fn.txt"] {
            if folder(app).join(name).exists() {
                assert!(matches!(ending(app, name), Ending::Lost(_)), "{app}/{name}");
            }
        }
    }
}

#[test]
fn an_unknown_session_is_known_by_every_wording() {
    for app in ["gradio-4.12.0", "gradio-4.19.2", "gradio-4.21.0", "gradio-4.44.1", "gradio-5.50.0", "gradio-6.31.0"] {
        let said = messages(&text(app, "unknown_session.txt")).remove(0).said;
        assert!(matches!(said, Said::Broken { is_unknown_session: true, .. }), "{app}: {said:?}");
    }
}

#[test]
fn one_stream_tells_of_every_call_of_a_session() {
    for app in ["gradio-4.44.1", "gradio-5.50.0", "gradio-6.31.0"] {
        let messages = messages(&text(app, "multiplexed_session.txt"));
        let mut courses: BTreeMap<String, Vec<Step>> = BTreeMap::new();
        for event in messages.iter().filter_map(|message| message.event.clone()) {
            courses.entry(event).or_default();
        }
        assert_eq!(courses.len(), 3, "{app}");
        for (event, steps) in &mut courses {
            let course = Course::of(event);
            for message in messages.clone() {
                match course.take(message) {
                    Some(step) if matches!(steps.last(), Some(Step::Over(_))) => {
                        // The stream is closed after the last of them.
                        assert!(matches!(step, Step::Over(Ending::Lost(_))), "{app}: {step:?}");
                    }
                    Some(step) => steps.push(step),
                    None => {}
                }
            }
            let Some(Step::Over(Ending::Done(values))) = steps.last() else { panic!("{app}: {steps:?}") };
            assert!(!values.is_empty());
        }
    }
}

#[test]
fn a_stream_that_is_opened_late_tells_everything() {
    for app in ["gradio-4.44.1", "gradio-5.50.0", "gradio-6.31.0"] {
        assert!(matches!(ending(app, "late_listen.txt"), Ending::Done(_)), "{app}");
    }
}

#[test]
fn the_apps_of_our_kinds_are_heard() {
    let Ending::Done(values) = ending("audioldm", "text2audio_ws.txt") else { panic!() };
    let video = RemoteFile::find(&values[0]);
    assert_eq!(video.len(), 1);
    assert_eq!(video[0].name, "tmptl76zdcp.mp4");
    let Ending::Done(values) = ending("audioldm2", "text2audio_sse.txt") else { panic!() };
    assert_eq!(RemoteFile::find(&values[0])[0].name, "tmpdemldiu8.mp4");
    for (name, expected) in
        [("infer_convert_no_model.txt", Ending::Failed(None)), ("infer_change_voice_missing.txt", Ending::Failed(None))]
    {
        assert_eq!(ending("rvc-webui", name), expected, "{name}");
    }
    let Ending::Done(values) = ending("rvc-webui", "infer_convert_no_audio.txt") else { panic!() };
    assert!(values[0].as_str().unwrap().contains("Waiting for input") && values[1].is_null());
}
