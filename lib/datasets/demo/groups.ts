// The demo's seven groups of classes.
/** A group of the demo's classes, one of the challenge's kinds of object. */
export interface DemoGroup {
  group: string;
  /** The imitated data set; each group has another folder layout. */
  dataset: string;
  /** Subgroups of emoji in the group, as named by Unicode and emojibase. */
  subgroups: readonly string[];
}

/**
 * The seven groups, in merge order of their data sets. Smileys, people, symbols and flags are left out, as are the
 * subgroups `time` (24 clock faces) and `sky-weather` (phases of the moon): not objects, or hard to tell apart.
 */
export const DEMO_GROUPS: readonly DemoGroup[] = [
  {
    group: "nature",
    dataset: "rp2k",
    subgroups: [
      "animal-mammal",
      "animal-bird",
      "animal-amphibian",
      "animal-reptile",
      "animal-marine",
      "animal-bug",
      "plant-flower",
      "plant-other",
    ],
  },
  {
    group: "landmarks",
    dataset: "Landmark2021",
    subgroups: ["place-map", "place-geographic", "place-building", "place-religious", "place-other"],
  },
  {
    group: "products",
    dataset: "Shopee",
    subgroups: [
      "dishware",
      "hotel",
      "award-medal",
      "sport",
      "game",
      "phone",
      "computer",
      "light-video",
      "book-paper",
      "money",
      "mail",
      "writing",
      "office",
      "lock",
      "tool",
      "science",
      "medical",
      "household",
      "other-object",
    ],
  },
  {
    group: "art",
    dataset: "Art_MET",
    subgroups: ["event", "arts-crafts", "sound", "music", "musical-instrument"],
  },
  { group: "fashion", dataset: "Fashion_200K", subgroups: ["clothing"] },
  {
    group: "cars",
    dataset: "Stanford_Products",
    subgroups: ["transport-ground", "transport-water", "transport-air"],
  },
  {
    group: "food",
    dataset: "Food2021",
    subgroups: ["food-fruit", "food-vegetable", "food-prepared", "food-asian", "food-sweet", "drink"],
  },
];

/** Names of the imitated data sets, in merge order. */
export const DEMO_DATASETS: readonly string[] = DEMO_GROUPS.map(({ dataset }) => dataset);
