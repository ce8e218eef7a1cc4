-- What the readers of a commons ask of it, and by which columns: what a stamp must hold to count.
-- Each query asks what the named function asks: the same joins, expressions, conditions, groups, order and limit.
-- :rig is the handle that is asked about, :stamp a stamp's id, :item an item's.

-- leaderboard: wl internal/commons/leaderboard.go, QueryLeaderboard
SELECT c.completed_by, COUNT(*) AS completions,
       COALESCE(AVG(JSON_EXTRACT(s.valence, '$.quality')), 0) AS avg_quality,
       COALESCE(AVG(JSON_EXTRACT(s.valence, '$.reliability')), 0) AS avg_reliability
  FROM completions c JOIN stamps s ON c.stamp_id = s.id
 GROUP BY c.completed_by ORDER BY completions DESC, avg_quality DESC, c.completed_by ASC LIMIT 20

-- leaderboard skills: wl internal/commons/leaderboard.go, populateTopSkills
SELECT c.completed_by, s.skill_tags
  FROM completions c JOIN stamps s ON c.stamp_id = s.id
 WHERE c.completed_by IN (:rig) AND s.skill_tags IS NOT NULL AND s.skill_tags != '' ORDER BY c.completed_by

-- scoreboard: wl internal/commons/scoreboard.go, QueryScoreboard
SELECT s.subject, COUNT(*) AS stamp_count,
       SUM(CASE s.severity WHEN 'root' THEN 5 WHEN 'branch' THEN 3 WHEN 'leaf' THEN 1 ELSE 0 END) AS weighted_score,
       COUNT(DISTINCT s.author) AS unique_towns,
       COALESCE(AVG(JSON_EXTRACT(s.valence, '$.quality')), 0) AS avg_quality,
       COALESCE(AVG(JSON_EXTRACT(s.valence, '$.reliability')), 0) AS avg_reliability,
       COALESCE(AVG(JSON_EXTRACT(s.valence, '$.creativity')), 0) AS avg_creativity
  FROM stamps s GROUP BY s.subject ORDER BY weighted_score DESC, stamp_count DESC, s.subject ASC LIMIT 20

-- scoreboard completions: wl internal/commons/scoreboard.go, populateScoreboardCompletions
SELECT completed_by, COUNT(*) AS completions
  FROM completions WHERE stamp_id IS NOT NULL AND completed_by IN (:rig) GROUP BY completed_by

-- scoreboard skills: wl internal/commons/scoreboard.go, populateScoreboardSkills
SELECT s.subject, s.skill_tags
  FROM stamps s WHERE s.subject IN (:rig) AND s.skill_tags IS NOT NULL AND s.skill_tags != '' ORDER BY s.subject

-- scoreboard names: wl internal/commons/scoreboard.go, populateScoreboardDisplayNames
SELECT handle, COALESCE(display_name, '') AS display_name FROM rigs WHERE handle IN (:rig)

-- scoreboard detail severities: wl internal/commons/scoreboard_detail.go, populateDetailSeverityCounts
SELECT subject, severity, COUNT(*) AS cnt FROM stamps WHERE subject IN (:rig) GROUP BY subject, severity

-- scoreboard detail: wl internal/commons/scoreboard_detail.go, populateDetailStamps
SELECT subject, author, severity,
       COALESCE(JSON_EXTRACT(valence, '$.quality'), 0) AS quality,
       COALESCE(JSON_EXTRACT(valence, '$.reliability'), 0) AS reliability,
       COALESCE(skill_tags, '') AS skill_tags, COALESCE(message, '') AS message, COALESCE(created_at, '') AS created_at
  FROM stamps WHERE subject IN (:rig) ORDER BY subject, created_at DESC

-- scoreboard detail completions: wl internal/commons/scoreboard_detail.go, populateDetailCompletions
SELECT c.completed_by, c.wanted_id, COALESCE(w.title, '') AS wanted_title,
       COALESCE(c.completed_at, '') AS completed_at, COALESCE(c.validated_at, '') AS validated_at
  FROM completions c LEFT JOIN wanted w ON c.wanted_id = w.id
 WHERE c.completed_by IN (:rig) ORDER BY c.completed_by, c.completed_at DESC

-- item: wl internal/commons/commons.go, queryCompletionRef
SELECT id, wanted_id, completed_by, COALESCE(evidence, '') AS evidence, COALESCE(stamp_id, '') AS stamp_id,
       COALESCE(validated_by, '') AS validated_by
  FROM completions WHERE wanted_id = :item

-- item stamp: wl internal/commons/commons.go, queryStampRef
SELECT id, author, subject, valence, severity, COALESCE(context_id, '') AS context_id,
       COALESCE(context_type, '') AS context_type, COALESCE(skill_tags, '') AS skill_tags, COALESCE(message, '') AS message
  FROM stamps WHERE id = :stamp

-- profile: wl internal/pile, the stamp feed of a rig without a boot block (June 2026)
SELECT s.id, s.skill_tags, s.valence, s.message, s.author, s.created_at, c.evidence
  FROM stamps s LEFT JOIN completions c ON s.context_id = c.id
 WHERE s.subject = :rig ORDER BY s.created_at DESC, s.id DESC LIMIT 10

-- character sheet: gt internal/doltserver/wl_charsheet.go, QueryStampsForSubject
SELECT id, author, subject, valence, confidence, severity, COALESCE(context_id, '') AS context_id,
       COALESCE(context_type, '') AS context_type, COALESCE(stamp_type, '') AS stamp_type,
       COALESCE(skill_tags, '') AS skill_tags, COALESCE(message, '') AS message,
       COALESCE(prev_stamp_hash, '') AS prev_stamp_hash, COALESCE(stamp_index, -1) AS stamp_index,
       COALESCE(created_at, '') AS created_at
  FROM stamps WHERE subject = :rig ORDER BY created_at DESC

-- trust completions: gt internal/wasteland/trust.go, LoadRigTrustProfile
SELECT COUNT(DISTINCT c.id) FROM completions c INNER JOIN stamps s ON s.context_id = c.id WHERE c.completed_by = :rig

-- trust: gt internal/wasteland/trust.go, LoadRigTrustProfile
SELECT COUNT(*) AS stamp_count, COALESCE(AVG(JSON_EXTRACT(valence, '$.quality')), 0) AS avg_quality,
       COUNT(DISTINCT author) AS distinct_validators
  FROM stamps WHERE subject = :rig
