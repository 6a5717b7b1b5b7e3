"use strict";

/** The layouts of places, kept; each begins with one of a neighbour, so that boxes stay. */
class Layouts {
  constructor(model, folding) {
    this._model = model;
    this._folding = folding;
    this._byPlace = new Map();
    this._bySignature = new Map();
  }

  /** What is shown at a place: {scene, content, layout, lineage}. */
  at(place) {
    const known = this._known(place.index);
    if (known) return known;
    const scene = sceneAt(this._model, place);
    const content = unitsOf(scene, this._folding);
    const lineage = this._model.lineage(place.c);
    const signature = `${lineage} ${signatureOf(content)}`;
    let layout = this._bySignature.get(signature);
    if (!layout) this._bySignature.set(signature, (layout = layOut(content, this._near(place))));
    const made = { scene, content, layout, lineage };
    this._byPlace.set(this._key(place.index), made);
    this._latest = made;
    return made;
  }

  _key(index) {
    return `${index} ${this._folding.signature}`;
  }

  _known(index) {
    return this._byPlace.get(this._key(index));
  }

  /** The layout to begin with: of the place before or after, or the latest one. */
  _near(place) {
    const lineage = this._model.lineage(place.c);
    const near = [this._known(place.index - 1), this._known(place.index + 1), this._latest];
    return near.find((made) => made?.lineage === lineage)?.layout;
  }
}
