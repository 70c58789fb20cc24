/** The page's style: the colours of the project's plots, on light and on dark. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --paper: #fff; --ink: #23272e; --quiet: #646a73; --line: #dfe2e7; --blue: #4c78a8; --orange: #f58518; --red: #c2372c;
  --plate: #fff; --shadow: 0 1px 2px rgba(20, 30, 45, .05), 0 4px 16px rgba(20, 30, 45, .05);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #16191d; --paper: #1f2329; --ink: #e8eaed; --quiet: #9aa1ab; --line: #343a43; --blue: #7ba6d4; --red: #ff8a7d;
    --shadow: none;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 40px 32px 64px; max-width: 1280px; background: var(--page); color: var(--ink);
  font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { margin: 0; font-size: 28px; font-weight: 650; letter-spacing: -.015em; }
p { margin: 0; }
#about { display: flex; flex-wrap: wrap; min-height: 1.45em; margin: 6px 0 28px; color: var(--quiet); }
.part:not(:last-child)::after { content: "·"; margin: 0 .5em; opacity: .6; }
main { display: grid; grid-template-columns: 280px minmax(0, 1fr); gap: 36px; align-items: start; }
#ask { position: sticky; top: 24px; }
#file { position: absolute; opacity: 0; width: 1px; height: 1px; }
#drop { position: relative; display: flex; align-items: center; justify-content: center; aspect-ratio: 1; overflow: hidden;
  border: 2px dashed var(--line); border-radius: 16px; background: var(--paper); cursor: pointer; transition: border-color .15s, box-shadow .15s; }
#drop:hover, [data-over] #drop { border-color: var(--blue); }
[data-over] #drop { box-shadow: 0 0 0 6px color-mix(in srgb, var(--blue) 18%, transparent); }
#file:focus-visible + #drop, button:focus-visible, select:focus-visible { outline: 3px solid var(--orange); outline-offset: 2px; }
#hint { display: flex; flex-direction: column; align-items: center; gap: 2px; padding: 20px; color: var(--quiet); text-align: center; }
#hint svg { width: 44px; margin-bottom: 10px; fill: none; stroke: var(--blue); stroke-width: 2.5; stroke-linecap: round; stroke-linejoin: round; }
#hint b { color: var(--ink); font-weight: 600; }
[data-asked] #drop { border-style: solid; border-color: var(--line); background: var(--plate); box-shadow: var(--shadow); }
[data-asked] #preview:not([hidden]) + #hint { position: absolute; inset: auto 0 0; padding: 8px; font-size: 13px; background: color-mix(in srgb, var(--paper) 92%, transparent); opacity: 0; transition: opacity .15s; }
[data-asked] #hint svg { display: none; }
[data-asked] #drop:hover #hint, [data-asked] #file:focus-visible + #drop #hint, [data-over] #drop #hint { opacity: 1 !important; }
#preview { width: 100%; height: 100%; padding: 14px; object-fit: contain; }
#preview[hidden] { display: none; }
[data-busy] #preview { opacity: .55; transition: opacity .3s .15s; }
#asked { min-height: 1.45em; margin: 12px 2px; font-weight: 600; overflow-wrap: anywhere; }
.count { display: flex; align-items: center; gap: 10px; margin: 0 2px; color: var(--quiet); }
select { padding: 5px 8px; border: 1px solid var(--line); border-radius: 8px; background: var(--paper); color: var(--ink); font: inherit; }
#status { min-height: 1.45em; margin-bottom: 14px; color: var(--quiet); }
#error:not(:empty) { margin-bottom: 14px; padding: 12px 16px; border-left: 4px solid var(--red); border-radius: 8px; background: var(--paper); color: var(--red); box-shadow: var(--shadow); }
#found { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 18px; margin: 0; padding: 0; list-style: none; }
.card { display: flex; flex-direction: column; width: 100%; padding: 0 0 12px; overflow: hidden; border: 1px solid var(--line); border-radius: 14px;
  background: var(--paper); color: inherit; font: inherit; text-align: left; cursor: pointer; box-shadow: var(--shadow); transition: transform .15s, border-color .15s; }
.card:not(:has(.name)) { padding: 0; }
.card:not(:has(.name)) .picture { border: 0; }
.card:hover { border-color: var(--blue); transform: translateY(-2px); }
.picture { position: relative; display: block; aspect-ratio: 1; background: var(--plate); border-bottom: 1px solid var(--line); }
.picture img { position: absolute; inset: 12px; width: calc(100% - 24px); height: calc(100% - 24px); object-fit: contain; }
.name { display: block; margin: 10px 12px 6px; overflow: hidden; font-size: 15px; text-overflow: ellipsis; white-space: nowrap; }
.score { display: flex; align-items: center; gap: 10px; margin: 0 12px; color: var(--quiet); font-size: 13px; font-variant-numeric: tabular-nums; }
.bar { flex: 1; height: 5px; overflow: hidden; border-radius: 3px; background: var(--line); }
.bar span { display: block; height: 100%; border-radius: 3px; background: var(--blue); }
@media (max-width: 760px) {
  body { padding: 24px 16px 48px; }
  main { grid-template-columns: minmax(0, 1fr); gap: 24px; }
  #ask { position: static; }
  #drop { aspect-ratio: 16 / 10; }
  #found { grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)); gap: 12px; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; scroll-behavior: auto !important; } }
`;
