"""The demo's scenes in their order."""

from examples.demo import scenes, table_scenes, watch_scenes

SCENES = (
    scenes.ends_well,
    scenes.ends_partially,
    scenes.wrong_region_is_refused,
    scenes.foreign_bucket_is_refused,
    table_scenes.ends_well_in_a_table,
    table_scenes.wrong_dataset_region_is_refused,
    table_scenes.multi_region_dataset_is_refused,
    table_scenes.view_is_refused,
    scenes.waits_in_the_queue,
    scenes.is_cancelled,
    scenes.stays_one,
    scenes.survives_a_lost_answer,
    watch_scenes.resumes_where_it_broke_off,
    scenes.is_measured,
)
