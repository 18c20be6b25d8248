"""Postgres's settings that sessions leave as they find them, and for which reason."""

from __future__ import annotations

LEFT: tuple[tuple[str, str], ...] = (
    (
        "BEGIN says it each time",
        "default_transaction_isolation default_transaction_read_only transaction_deferrable "
        "transaction_isolation transaction_read_only",
    ),
    ("the connection says it at login", "application_name client_encoding"),
    (
        "where and how data is kept: the administrator's choice, the same rows",
        "default_table_access_method default_tablespace default_toast_compression temp_tablespaces "
        "file_copy_method vacuum_truncate",
    ),
    (
        "how fast, never what: memory, planning, parallel work, writing",
        "backend_flush_after commit_delay commit_siblings constraint_exclusion "
        "cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction "
        "debug_parallel_query default_statistics_target effective_cache_size "
        "effective_io_concurrency enable_async_append enable_bitmapscan "
        "enable_distinct_reordering enable_gathermerge enable_group_by_reordering "
        "enable_hashagg enable_hashjoin enable_incremental_sort enable_indexonlyscan "
        "enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop "
        "enable_parallel_append enable_parallel_hash enable_partition_pruning "
        "enable_partitionwise_aggregate enable_partitionwise_join enable_presorted_aggregate "
        "enable_self_join_elimination enable_seqscan enable_sort from_collapse_limit geqo "
        "geqo_effort geqo_generations geqo_pool_size geqo_seed geqo_selection_bias "
        "geqo_threshold gin_pending_list_limit hash_mem_multiplier io_combine_limit jit "
        "jit_above_cost jit_expressions jit_inline_above_cost jit_optimize_above_cost "
        "jit_tuple_deforming join_collapse_limit logical_decoding_work_mem "
        "maintenance_io_concurrency maintenance_work_mem max_parallel_maintenance_workers "
        "max_parallel_workers max_parallel_workers_per_gather min_parallel_index_scan_size "
        "min_parallel_table_scan_size parallel_leader_participation parallel_setup_cost "
        "parallel_tuple_cost plan_cache_mode post_auth_delay random_page_cost "
        "recursive_worktable_factor seq_page_cost synchronize_seqscans temp_buffers "
        "vacuum_buffer_usage_limit vacuum_cost_limit vacuum_cost_page_dirty "
        "vacuum_cost_page_hit vacuum_cost_page_miss wal_compression wal_init_zero wal_recycle "
        "wal_skip_threshold work_mem",
    ),
    (
        "the server's view of a dead client, which ends no live one",
        "client_connection_check_interval tcp_keepalives_count tcp_keepalives_idle "
        "tcp_keepalives_interval tcp_user_timeout",
    ),
    (
        "nothing of ours uses it: no roles, functions, XML of bytes, money, text search, GIN, "
        "logical decoding, notifications; vacuum is the server's own",
        "check_function_bodies createrole_self_grant default_text_search_config "
        "escape_string_warning backslash_quote gin_fuzzy_search_limit icu_validation_level "
        "lc_monetary lc_numeric lc_time lo_compat_privileges md5_password_warnings "
        "password_encryption scram_iterations stats_fetch_consistency timezone_abbreviations "
        "trace_notify vacuum_failsafe_age vacuum_freeze_min_age vacuum_freeze_table_age "
        "vacuum_max_eager_freeze_failure_rate vacuum_multixact_failsafe_age "
        "vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age wal_sender_timeout "
        "xmlbinary",
    ),
    (
        "refuses by name, in words that say what to change",
        "restrict_nonsystem_relation_kind temp_file_limit max_stack_depth",
    ),
    (
        "only a superuser may set it, and errors are judged by their codes",
        "lc_messages log_error_verbosity",
    ),
    (
        "only a superuser may set it, and no statement of ours is changed by it: staged tables "
        "have no triggers while they load",
        "session_replication_role event_triggers",
    ),
    (
        "what the server logs, measures and shows",
        "compute_query_id debug_pretty_print debug_print_parse debug_print_plan "
        "debug_print_rewritten log_connections log_disconnections log_duration "
        "log_executor_stats log_lock_failures log_lock_waits log_min_duration_sample "
        "log_min_duration_statement log_min_error_statement log_min_messages "
        "log_parameter_max_length log_parameter_max_length_on_error log_parser_stats "
        "log_planner_stats log_replication_commands log_statement log_statement_sample_rate "
        "log_statement_stats log_temp_files log_transaction_sample_rate trace_sort "
        "track_activities track_cost_delay_timing track_counts track_functions track_io_timing "
        "track_wal_io_timing update_process_title",
    ),
    (
        "a superuser's tools for repair and development",
        "allow_in_place_tablespaces allow_system_table_mods backtrace_functions deadlock_timeout "
        "debug_discard_caches debug_logical_replication_streaming dynamic_library_path "
        "extension_control_path ignore_checksum_failure ignore_system_indexes "
        "jit_debugging_support jit_dump_bitcode jit_profiling_support local_preload_libraries "
        "session_preload_libraries wal_consistency_checking zero_damaged_pages",
    ),
)
