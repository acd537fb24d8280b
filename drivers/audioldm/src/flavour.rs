//! The two programs, and how they are told from other Gradio apps: neither sets a title.

use mdd_driver_api::model::Identity;
use mdd_gradio::config::{Component, Config, Function};

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// AudioLDM, on Gradio 3 only. Its function has no name.
    One,
    /// AudioLDM2, on Gradio 3 or 4.
    Two,
}

/// What is looked for on the page of a flavour.
struct Marks {
    flavour: Flavour,
    name: &'static str,
    seen: &'static str,
    heading: &'static str,
    /// A choice that nobody else offers.
    model: &'static str,
}

const ALL: [Marks; 2] = [
    Marks {
        flavour: Flavour::One,
        name: "audioldm",
        seen: "AudioLDM",
        heading: "AudioLDM: Text-to-Audio Generation with Latent Diffusion Models",
        model: "audioldm-m-full",
    },
    Marks {
        flavour: Flavour::Two,
        name: "audioldm2",
        seen: "AudioLDM2",
        heading: "AudioLDM 2: A General Framework for Audio, Music, and Speech Generation",
        model: "audioldm2-full",
    },
];

impl Flavour {
    /// Which of them an app is.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        let best = ALL.iter().max_by_key(|marks| marks.score(config))?;
        (best.score(config) >= 50).then_some(best.flavour)
    }

    /// What it is, with a score and reasons.
    pub(crate) fn identity(self, config: &Config) -> Identity {
        let marks = self.marks();
        let mut identity = Identity::mine(marks.score(config), marks.seen).with_flavour(marks.name);
        for (holds, _, reason) in marks.evidence(config) {
            if holds {
                identity = identity.because(reason);
            }
        }
        identity
    }

    /// How many inputs its function takes.
    pub(crate) fn inputs(self) -> usize {
        match self {
            Self::One => 6,
            Self::Two => 5,
        }
    }

    /// As people call it.
    pub(crate) fn title(self) -> &'static str {
        self.marks().seen
    }

    fn marks(self) -> &'static Marks {
        match self {
            Self::One => &ALL[0],
            Self::Two => &ALL[1],
        }
    }
}

impl Marks {
    fn score(&self, config: &Config) -> u8 {
        self.evidence(config).into_iter().filter(|(holds, ..)| *holds).map(|(_, points, _)| points).sum()
    }

    fn evidence(&self, config: &Config) -> [(bool, u8, &'static str); 3] {
        let mut components = config.components.iter();
        let is_heading = |component: &Component| component.value.as_ref().is_some_and(|it| it.contains(self.heading));
        let has_heading = components.clone().any(|component| component.kind == "html" && is_heading(component));
        let has_model = components.any(|component| component.choices.iter().any(|choice| choice == self.model));
        let has_function = function(config).is_some_and(|function| function.inputs.len() == self.flavour.inputs());
        [
            (has_heading, 50, "its page has the heading of the paper"),
            (has_function, 25, "its function goes from \"prompt-in\" to \"output-video\""),
            (has_model, 25, "its models can be chosen"),
        ]
    }
}

/// The function that makes sound: the one from the prompt to the video alone.
pub(crate) fn function(config: &Config) -> Option<&Function> {
    let is = |id: u64, kind: &str, elem_id: &str| {
        config.component(id).is_some_and(|it| it.kind == kind && it.elem_id.as_deref() == Some(elem_id))
    };
    config.functions.iter().find(|function| match (function.inputs.as_slice(), function.outputs.as_slice()) {
        ([first, ..], [only]) => is(*first, "textbox", "prompt-in") && is(*only, "video", "output-video"),
        _ => false,
    })
}

/// The names of the models that an app offers.
pub(crate) fn models(config: &Config) -> Vec<String> {
    let is_list = |component: &&Component| component.choices.iter().any(|choice| choice.starts_with("audioldm"));
    config.components.iter().find(is_list).map(|component| component.choices.clone()).unwrap_or_default()
}
