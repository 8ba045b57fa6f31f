use super::{Layer, Pass, Tapes};
use crate::{
    Activation, Engine, Flat,
    architecture::{LayerDescription, LayerKind, MAX_LAYERS},
    optimizer::Optimizer,
    random::Generator,
};

/// Two layers, one after the other: `output = tail(head(input))`. Longer chains nest in the tail.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Chain<Head, Tail> {
    /// The layer that sees the input.
    pub head: Head,
    /// The layers that follow.
    pub tail: Tail,
}

impl<Head: Layer, Tail: Layer<Input = Head::Output>> Chain<Head, Tail> {
    /// The layers of the chain, filled up to a fixed number.
    const JOINED: [LayerDescription; MAX_LAYERS] = joined(Head::LAYERS, Tail::LAYERS);
}

/// Returns the layers of two chains, one after the other. More than [`MAX_LAYERS`] are an error of the build.
const fn joined(head: &[LayerDescription], tail: &[LayerDescription]) -> [LayerDescription; MAX_LAYERS] {
    assert!(head.len() + tail.len() <= MAX_LAYERS, "the chain has more layers than an architecture can name");
    let (mut layers, mut place) = ([LayerDescription::Known(LayerKind::Relu { width: 0 }); MAX_LAYERS], 0);
    while place < head.len() + tail.len() {
        layers[place] = if place < head.len() { head[place] } else { tail[place - head.len()] };
        place += 1;
    }
    layers
}

impl<Head: Layer, Tail: Layer<Input = Head::Output>> Layer for Chain<Head, Tail> {
    type Input = Head::Input;
    type Output = Tail::Output;
    type Activation = Tail::Activation;
    type Tape = Chain<Head::Tape, Tail::Tape>;

    const LAYERS: &'static [LayerDescription] = Self::JOINED.split_at(Self::DEPTH).0;
    const DEPTH: usize = Head::DEPTH + Tail::DEPTH;

    fn describe(tell: &mut impl FnMut(LayerDescription)) {
        Head::describe(tell);
        Tail::describe(tell);
    }

    fn initialize(&mut self, generator: &Generator, first: u64) {
        self.head.initialize(generator, first);
        self.tail.initialize(generator, first + Head::LEN as u64);
    }

    #[inline]
    fn predict<E: Engine>(&self, engine: &E, input: &Self::Input, output: &mut Self::Output) {
        let mut hidden = Head::Output::ZERO;
        self.head.predict(engine, input, &mut hidden);
        self.tail.predict(engine, &hidden, output);
    }

    fn forward<E: Engine>(&self, engine: &E, pass: Pass, input: &[Self::Input], tape: &mut [f32]) {
        let (head_tape, tail_tape) = tape.split_at_mut(input.len() * Head::Tape::LEN);
        self.head.forward(engine, pass, input, head_tape);
        self.tail.forward(engine, pass.after(Head::DEPTH), Head::output(head_tape), tail_tape);
    }

    fn backward<P: Activation, E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        mut state: [&mut Self; STATE],
        input: &[Self::Input],
        tapes: Tapes<'_>,
        grad_input: Option<&mut [Self::Input]>,
    ) {
        let head_len = input.len() * Head::Tape::LEN;
        let (activations, tail_activations) = tapes.activations.split_at(head_len);
        let (grads, tail_grads) = tapes.grads.split_at_mut(head_len);
        self.tail.backward::<Head::Activation, _, _, STATE>(
            engine,
            optimizer,
            state.each_mut().map(|state| &mut state.tail),
            Head::output(activations),
            Tapes { pass: tapes.pass.after(Head::DEPTH), activations: tail_activations, grads: tail_grads },
            Some(Head::output_mut(grads)),
        );
        let tapes = Tapes { pass: tapes.pass, activations, grads };
        let state = state.map(|state| &mut state.head);
        self.head.backward::<P, _, _, STATE>(engine, optimizer, state, input, tapes, grad_input);
    }
}
