// What `npm run bench atlas` puts into the window of its pages.
export {};

declare global {
  interface Window {
    redrawsMs: number[];
    forgetEvents(): number[];
    // biome-ignore lint/suspicious/noExplicitAny: the peers' own code
    Plotly: any;
    // biome-ignore lint/suspicious/noExplicitAny: the peers' own code
    createScatterplot: any;
  }
}
