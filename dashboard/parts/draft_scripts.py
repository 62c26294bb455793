"""What of the designer's form happens in the browser, where only the browser knows: presses, the order of answers."""

PRESSED = """(_clicks, presses) => {
    const found = dash_clientside.callback_context.triggered.filter((each) => each.value);
    if (found.length !== 1) return dash_clientside.no_update;
    const {verb, at} = JSON.parse(found[0].prop_id.slice(0, found[0].prop_id.lastIndexOf(".")));
    return [...presses, {verb, at}];
}"""
"""Keeps which buttons were pressed, in order; see `caught_up`."""

ASKED = """async (_saved, _started) => {
    const [pressed] = dash_clientside.callback_context.triggered.filter((each) => each.value);
    if (!pressed) return dash_clientside.no_update;
    await window.winbackTyped(%d);
    return {start: pressed.prop_id.startsWith("design-start"), at: Date.now()};
}"""
"""What was typed a moment ago is still on its way from the keys to the field's value: storing waits for it."""

FOLLOWING = """(design) => {
    const id = {at: "/key", kind: "text", type: "%s"};
    const field = document.getElementById(JSON.stringify(id));
    const {from, to} = design.follows || {};
    if (to !== undefined && field && field.value === from) dash_clientside.set_props(id, {value: to});
    return dash_clientside.no_update;
}"""
"""Puts the key that follows the name into its field, unless something else stands there by now: what was typed while
the answer was on its way holds. The server could not know, and Dash applies what it sets by itself even of an answer
that a later call has overtaken."""

OPENING = """(address, _drafts) => {
    const by = dash_clientside.callback_context.triggered.map(({prop_id}) => prop_id);
    return by.some((one) => one.includes("woken")) ? address : dash_clientside.no_update;
}"""
"""An edit under way belongs to the form that is left: the next one is opened once it is answered (see STORING)."""

STORING = """(asked, _design) => {
    const by = dash_clientside.callback_context.triggered.map(({prop_id}) => prop_id);
    return asked && by.includes("design-asked.data") ? asked : dash_clientside.no_update;
}"""
"""It waits for edits under way, too, as Dash lets nothing run before an answer that it takes: an answer that came after
the stored campaign is shown would put the draft in its place."""
