/** A group of the demo's classes, one of the challenge's kinds of object. */
export interface DemoGroup {
  group: string;
  /** The data set in whose folder layout the group is written out: each of the seven has another layout. */
  dataset: string;
  /** Emojibase's (Unicode's) subgroups of emoji that belong to it. */
  subgroups: readonly string[];
}

/**
 * The seven groups, in merge order of their data sets. Smileys, people, symbols and flags are left out, and so are
 * the subgroups `time` (24 clock faces) and `sky-weather` (phases of the moon): no objects, hardly told apart.
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

/** The data sets as which the demo is written out, in merge order. */
export const DEMO_DATASETS: readonly string[] = DEMO_GROUPS.map(({ dataset }) => dataset);
